"""The server's side of its workers: starting them, lending them, replacing one that is lost."""

import json
import queue
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pipeline_steps

ROOT = Path(pipeline_steps.__file__).parents[1]
# -P, -s and -S: nothing but the standard library and this package is on a candidate's path.
# The hash seed is fixed, so that the order of a set does not change between two runs.
BOOT = """
import sys
sys.path.append(sys.argv.pop(1))
from pipeline_steps.sandbox import worker
worker.main()
"""
ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
OVERHEAD = 10.0  # seconds beyond the candidate's limit after which a worker counts as lost


class Busy(Exception):
    """Every worker is taken; come again later."""


class Lost(Exception):
    """The worker ended or hangs. It is replaced; the request may be sent again."""


class Lent:
    """A worker process, and the right to talk to it."""

    def __init__(self, scratch: Path) -> None:
        """Start the process."""
        here, there = socket.socketpair()
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-S", "-c", BOOT, ROOT, str(there.fileno()), scratch],
                stdin=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
                env=ENVIRONMENT,
            )
        self._connection = Connection(here.detach())

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return the worker's answer.

        Raises:
            Lost: it gave none within `seconds` and OVERHEAD.
        """
        try:
            self._connection.send_bytes(json.dumps(request).encode())
            if self._connection.poll(seconds + OVERHEAD):
                return dict(json.loads(self._connection.recv_bytes()))
        except (OSError, EOFError) as error:
            raise Lost("the worker ended") from error
        raise Lost("the worker hangs")

    def end(self) -> None:
        """Kill the process; its candidate dies with it."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


class Pool:
    """A fixed number of workers."""

    def __init__(self, size: int, scratch: Path) -> None:
        """Start `size` workers that work below `scratch`."""
        self.size = size
        self._scratch = scratch
        self._free: queue.Queue[Lent] = queue.Queue()
        for _ in range(size):
            self._free.put(Lent(scratch))

    def take(self, wait: float) -> Lent:
        """Return a free worker.

        Raises:
            Busy: there was none for `wait` seconds.
        """
        try:
            return self._free.get(timeout=wait)
        except queue.Empty:
            raise Busy(f"all {self.size} workers are taken") from None

    def give_back(self, worker: Lent) -> None:
        """Return a worker that is free again."""
        self._free.put(worker)

    def replace(self, worker: Lent) -> None:
        """Start a fresh worker instead of one that is lost."""
        worker.end()
        self._free.put(Lent(self._scratch))

    @contextmanager
    def lent(self, wait: float) -> Iterator[Lent]:
        """Lend a worker for one request."""
        worker = self.take(wait)
        try:
            yield worker
        except BaseException:
            self.replace(worker)
            raise
        self.give_back(worker)

    def close(self) -> None:
        """End the workers that are free."""
        while not self._free.empty():
            self._free.get().end()
