"""The keyed queue: one look at a time, none lost."""

import asyncio
from collections.abc import Awaitable, Callable

from oremill.workqueue import WorkQueue

Work = Callable[[str], Awaitable[float | None]]


def played(work: Work, play: Callable[[WorkQueue[str]], Awaitable[None]]) -> None:
    """Run a queue with two workers while `play` plays."""

    async def both() -> None:
        queue: WorkQueue[str] = WorkQueue()
        task = asyncio.create_task(queue.run(work, 2))
        async with asyncio.timeout(10):
            await play(queue)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(both())


def test_many_reasons_are_one_look() -> None:
    looks: list[str] = []

    async def work(key: str) -> None:
        looks.append(key)

    async def play(queue: WorkQueue[str]) -> None:
        for _ in range(100):
            queue.add("a")
        await asyncio.sleep(0.05)

    played(work, play)
    assert looks == ["a"]


def test_an_object_is_never_looked_at_twice_at_once_and_the_second_reason_is_kept() -> None:
    now, most, looks = set[str](), 0, 0

    async def work(key: str) -> None:
        nonlocal most, looks
        assert key not in now
        now.add(key)
        most, looks = max(most, len(now)), looks + 1
        await asyncio.sleep(0.02)
        now.discard(key)

    async def play(queue: WorkQueue[str]) -> None:
        queue.add("a")
        queue.add("b")
        await asyncio.sleep(0.01)
        queue.add("a")
        await asyncio.sleep(0.1)

    played(work, play)
    assert (most, looks) == (2, 3)


def test_the_sooner_of_two_times_counts() -> None:
    looked = asyncio.Event()

    async def work(key: str) -> None:
        looked.set()

    async def play(queue: WorkQueue[str]) -> None:
        queue.add("a", 100)
        queue.add("a", 0.01)
        await looked.wait()
        looked.clear()
        await asyncio.sleep(0.05)
        assert not looked.is_set()

    played(work, play)


def test_a_look_that_fails_is_taken_again() -> None:
    looks = 0
    done = asyncio.Event()

    async def work(key: str) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ConnectionError("the API server is away")
        done.set()

    async def play(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await done.wait()

    played(work, play)
    assert looks == 2


def test_a_look_may_ask_for_the_next_one() -> None:
    looks = 0

    async def work(key: str) -> float | None:
        nonlocal looks
        looks += 1
        return 0.01 if looks < 3 else None

    async def play(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(0.2)

    played(work, play)
    assert looks == 3
