"""Objects of the bucket, read in pieces and side by side."""

import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from pipeline_steps.storage import Store

AT_ONCE = 16  # objects on their way; as many files are held in memory
CHUNK = 4 * 2**20  # bytes of a request, so that a Parquet footer is one
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def side_by_side(
    ask: Callable[[Asked], Answer], questions: Iterable[Asked]
) -> Iterator[tuple[Asked, Answer]]:
    """Yield each question with its answer, in order, a few asked at once."""
    rest = iter(questions)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while window := list(islice(rest, AT_ONCE)):
            yield from zip(window, pool.map(ask, window), strict=True)


def opened(store: Store, key: str, size: int) -> io.BufferedReader:
    """Return an object as a file that is read where one looks."""
    return io.BufferedReader(_Object(store, key, size), CHUNK)


class _Object(io.RawIOBase):
    def __init__(self, store: Store, key: str, size: int) -> None:
        super().__init__()
        self._store, self._key, self._size, self._at = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        found = self._store.read(self._key, self._at, wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)
