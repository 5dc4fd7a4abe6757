"""The judge's door to the sandbox pods: the runner's HTTP API over kept connections.

The Service spreads connections over the pods; a session keeps its own, so that it stays with its
pod. What the network does to a request is tried again for a while; it is never held against a
candidate. A worker that is lost while it runs a candidate is, when that happens every time.
"""

import http.client
import json
import logging
import queue
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from pipeline_steps.errors import Resumable
from pipeline_steps.sandbox.wire import Limits

log = logging.getLogger(__name__)
PATIENCE = 120.0  # seconds in which a request is sent again
ANSWER_SECONDS = 60.0  # beyond the candidate's own limit: the queue, and a worker being replaced
READY_SECONDS = 300.0  # for the pods to start
LONGEST_PAUSE = 2.0  # seconds between two tries
LOSSES = 3  # workers that one request may lose, before its candidate counts as the cause


class SandboxError(Exception):
    """The sandbox gave no answer: trouble of ours, not of the candidate."""


class WorkerLost(SandboxError):
    """A living runner lost the worker that ran the candidate, as often as it was tried."""


class TooLong(SandboxError):
    """The runner takes no request of that many bytes."""


class _TryAgain(Exception):
    """The request did not arrive, or met a full pool."""


class _Lost(_TryAgain):
    """The runner lost the worker that carried out the request."""


class Sandbox:
    """A pool of runners; any number of threads may use it."""

    def __init__(self, url: str, token: str, limits: Limits, patience: float = PATIENCE) -> None:
        """Speak with the runner at `url` (http://host:port); `limits` hold for each execution."""
        self.limits = limits
        self._url = url
        self._token = token
        self._patience = patience
        self._free: queue.LifoQueue[_Line] = queue.LifoQueue()

    def run(self, code: str, entry_point: str, calls: list[list[Any]]) -> dict[str, Any]:
        """Run `code` in a fresh process and make `calls`, whose arguments are in wire form.

        Raises:
            WorkerLost, TooLong: there is no answer, and that is the candidate's doing.
            SandboxError: there is no answer to be had.
        """
        body = {"code": code, "entry_point": entry_point, "calls": calls}
        return self._insist("POST", "/v1/run", body | {"limits": asdict(self.limits)})[1]

    @contextmanager
    def session(self, code: str) -> Iterator["Session"]:
        """Load `code` in a process that stays, to be called one call at a time, by one thread.

        Raises:
            WorkerLost, TooLong: there is no answer, and that is the candidate's doing.
            SandboxError: there is no answer to be had.
        """
        body = {"code": code, "limits": asdict(self.limits)}
        line, report = self._insist("POST", "/v1/sessions", body, keep=True)
        session = Session(line, report)
        try:
            yield session
        finally:
            session.close()
            self._free.put(line)

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> dict[str, Any]:
        """Return what the runner says of itself, once a pod is up.

        Raises:
            Resumable: none was up in time.
        """
        try:
            return self._insist("GET", "/healthz", None, patience=seconds)[1]
        except SandboxError as error:
            raise Resumable(
                f"no sandbox pod answered at {self._url} for {seconds:g} s: {error}",
                "SandboxesNotReady",
            ) from error

    def close(self) -> None:
        """Close the connections."""
        while not self._free.empty():
            self._free.get().close()

    def _insist(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        keep: bool = False,
        patience: float | None = None,
    ) -> tuple["_Line", dict[str, Any]]:
        """Ask until there is an answer; return it, and the line, which is free unless kept."""
        until = time.monotonic() + (self._patience if patience is None else patience)
        pause, losses = 0.05, 0
        while True:
            line = self._line()
            try:
                answer = line.ask(method, path, body)
                if not keep:
                    self._free.put(line)
                return line, answer
            except _TryAgain as error:  # the next line may reach another pod
                losses += isinstance(error, _Lost)
                if losses == LOSSES:
                    raise WorkerLost(f"the sandbox was lost {losses} times: {error}") from error
                if time.monotonic() + pause > until:
                    raise SandboxError(str(error)) from error
                log.debug("the sandbox is asked again: %s", error)
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _line(self) -> "_Line":
        try:
            return self._free.get_nowait()
        except queue.Empty:
            return _Line(self._url, self._token, self.limits.wall_seconds + ANSWER_SECONDS)


class Session:
    """A loaded candidate."""

    def __init__(self, line: "_Line", report: dict[str, Any]) -> None:
        """Hold the session that `report` tells of."""
        self.report = report  # how loading went
        self._line = line
        self._path = f"/v1/sessions/{report['id']}"

    def call(self, entry_point: str, arguments: list[Any]) -> dict[str, Any]:
        """Return the report of one call, whose arguments are in wire form.

        Raises:
            WorkerLost: the worker was lost, and the session with it; begin again with another.
            SandboxError: the session is lost; begin again with another.
        """
        try:
            body = {"entry_point": entry_point, "args": arguments}
            return self._line.ask("POST", f"{self._path}/call", body)
        except _Lost as error:
            raise WorkerLost(f"the sandbox was lost: {error}") from error
        except _TryAgain as error:
            raise SandboxError(f"the session is lost: {error}") from error

    def close(self) -> None:
        """Free the runner's worker; a session that cannot be reached ends by itself."""
        try:
            self._line.ask("DELETE", self._path)
        except (_TryAgain, SandboxError) as lost:
            log.debug("a session was not closed: %s", lost)


class _Line:
    """A kept connection."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return the answer; what fails closes the connection."""
        data = json.dumps(body).encode() if body is not None else None
        try:
            self._connection.request(method, path, data, self._headers)
            response = self._connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise _TryAgain(f"{type(error).__name__}: {error}") from error
        if response.status == 200:
            return dict(answer)
        self.close()
        if response.status == 503:
            raise (_Lost if answer.get("lost") else _TryAgain)(str(answer.get("error")))
        if response.status == 413:
            raise TooLong(str(answer.get("error")))
        raise SandboxError(f"{method} {path}: {response.status} {answer}")

    def close(self) -> None:
        """Hang up; the next request connects again."""
        self._connection.close()
