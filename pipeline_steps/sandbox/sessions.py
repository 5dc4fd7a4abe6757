"""Sessions: a loaded candidate that is called one call at a time, until it is closed or too old.

A session holds a worker. Its candidate's limits are the worker's; here ends what a judge forgot.
"""

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pipeline_steps.sandbox.child import Child, Trouble
from pipeline_steps.sandbox.pool import Pool

IDLE_SECONDS = 30.0  # that a judge may think, in all, beyond the candidate's own limit


@dataclass
class _Session:
    worker: Child
    expires: float
    limit: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    lost: bool = False


class Sessions:
    """The open sessions of a pool."""

    def __init__(self, pool: Pool) -> None:
        """Take workers from `pool`."""
        self._pool = pool
        self._open: dict[str, _Session] = {}
        threading.Thread(target=self._expire, name="sessions", daemon=True).start()

    def open(self, code: str, limits: dict[str, Any], wait: float) -> dict[str, Any]:
        """Load `code` in a worker of its own; return the report and the session's id.

        Raises:
            Busy: no worker is free.
            Trouble, Lost: the worker is gone; try again.
        """
        worker, limit = self._pool.take(wait), float(limits["wall_seconds"])
        session = _Session(worker, time.monotonic() + limit + IDLE_SECONDS, limit)
        report = self._ask(session, {"do": "open", "code": code, "limits": limits})
        name = secrets.token_hex(16)
        self._open[name] = session
        return {"id": name, **report}

    def call(self, name: str, entry_point: str, arguments: list[Any]) -> dict[str, Any]:
        """Return the report of one call.

        Raises:
            KeyError: there is no such session; it may have been too old.
            Trouble, Lost: the worker is gone, and the session with it.
        """
        session = self._open[name]
        with session.lock:
            try:
                request = {"do": "call", "entry_point": entry_point, "args": arguments}
                return self._ask(session, request)
            except Trouble:
                self._open.pop(name, None)
                raise

    def close(self, name: str) -> None:
        """End a session and free its worker; one that is gone is no error."""
        session = self._open.pop(name, None)
        if session:
            with session.lock, suppress(Trouble):
                self._end(session)

    def _end(self, session: _Session) -> None:
        if not session.lost:
            self._ask(session, {"do": "close"})
            self._pool.give_back(session.worker)

    def _ask(self, session: _Session, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return session.worker.ask(request, session.limit)
        except Trouble:
            session.lost = True
            self._pool.replace(session.worker)
            raise

    def _expire(self) -> None:
        while True:
            time.sleep(1)
            now = time.monotonic()
            for name in [name for name, held in list(self._open.items()) if held.expires < now]:
                self.close(name)
