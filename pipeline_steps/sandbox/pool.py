"""The server's side of its workers: starting them, lending them, replacing one that is lost."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline_steps.sandbox.child import Child


class Busy(Exception):
    """Every worker is taken; come again later."""


class Pool:
    """A fixed number of workers."""

    def __init__(self, size: int, scratch: Path) -> None:
        """Start `size` workers that work below `scratch`."""
        self.size = size
        self._scratch = scratch
        self._free: queue.Queue[Child] = queue.Queue()
        for _ in range(size):
            self._free.put(self._new())

    def _new(self) -> Child:
        return Child("pipeline_steps.sandbox.worker", str(self._scratch))

    def take(self, wait: float) -> Child:
        """Return a free worker.

        Raises:
            Busy: there was none for `wait` seconds.
        """
        try:
            return self._free.get(timeout=wait)
        except queue.Empty:
            raise Busy(f"all {self.size} workers are taken") from None

    def give_back(self, worker: Child) -> None:
        """Return a worker that is free again."""
        self._free.put(worker)

    def replace(self, worker: Child) -> None:
        """Start a fresh worker instead of one that is lost."""
        worker.end()
        self._free.put(self._new())

    @contextmanager
    def lent(self, wait: float) -> Iterator[Child]:
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
