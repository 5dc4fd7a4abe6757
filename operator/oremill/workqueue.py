"""A keyed queue: many reasons to look at an object become one look, and never two at once.

kopf runs handlers of an object and of its children side by side and does not retry those of plain
events. So handlers only add keys here, and workers take them: a key that is added while it waits is
one key, one that is added while it is worked on is taken again afterwards, and one that fails comes
back after a growing pause.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)
_FIRST_PAUSE = 0.5  # seconds after a first failure; doubles with each
_LONGEST_PAUSE = 60.0  # seconds

Work = Callable[[K], Awaitable[float | None]]  # returns the seconds until the next look, if any


class WorkQueue(Generic[K]):
    """Keys that are due, each at most once."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []  # may hold older times of a key: skipped
        self._order = count()
        self._busy: set[K] = set()
        self._again: set[K] = set()  # came due while busy
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Return how many keys are due now or are worked on."""
        now = asyncio.get_running_loop().time()
        return len(self._busy) + sum(when <= now for when in self._due.values())

    def lateness(self) -> float:
        """Return for how many seconds the most overdue key waits."""
        now = asyncio.get_running_loop().time()
        return max((now - when for when in self._due.values()), default=0.0)

    def add(self, key: K, delay: float = 0.0) -> None:
        """Ask for a look at `key` in `delay` seconds, or sooner if that was asked for before."""
        when = asyncio.get_running_loop().time() + delay
        if self._due.get(key, when + 1) <= when:
            return
        self._due[key] = when
        heappush(self._heap, (when, next(self._order), key))
        self._changed.set()

    async def run(self, work: Work[K], workers: int) -> None:
        """Work for ever, on at most `workers` keys at once."""
        free = asyncio.Semaphore(workers)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await free.acquire()
                key = await self._next()
                self._busy.add(key)
                tasks.create_task(self._one(key, work)).add_done_callback(lambda _: free.release())

    async def _next(self) -> K:
        while True:
            self._changed.clear()
            pause = self._pause()
            if pause is None or pause > 0:
                await self._wait(pause)
                continue
            when, _, key = heappop(self._heap)
            if self._due.get(key) != when:
                continue  # an earlier time was asked for meanwhile
            del self._due[key]
            if key not in self._busy:
                return key
            self._again.add(key)

    def _pause(self) -> float | None:
        if not self._heap:
            return None
        return self._heap[0][0] - asyncio.get_running_loop().time()

    async def _wait(self, pause: float | None) -> None:
        try:
            async with asyncio.timeout(pause):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _one(self, key: K, work: Work[K]) -> None:
        try:
            following = await work(key)
            self._failures.pop(key, None)
        except Exception:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            following = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (failures - 1))
            log.exception("%s: failed %d times, again in %.1f s", key, failures, following)
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            following = 0.0 if key not in self._failures else following
        if following is not None:
            self.add(key, following)
