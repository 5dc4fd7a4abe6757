"""Find the files that a name may mean, among the paths of a repository, without a look at each."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import takewhile

Segments = tuple[str, ...]
DEPTH = 12  # segments of the longest suffix that is kept: no import spells out more


def segments(path: str) -> Segments:
    """Return the parts of a path; folders sort as folders do, before what only begins like them."""
    return tuple(path.split("/"))


def folder(path: str) -> str:
    """Return the folder of a path, "" for the repository's own."""
    return path.rpartition("/")[0]


def joined(base: str, relative: str) -> str | None:
    """Return a relative path from a folder, normalised; None above the repository."""
    found = base.split("/") if base else []
    for part in relative.split("/"):
        if part == ".." and not found:
            return None
        if part == "..":
            found.pop()
        elif part not in ("", "."):
            found.append(part)
    return "/".join(found)


@cache
def ancestors(base: str) -> tuple[str, ...]:
    """Return a folder and those above it, the deepest first, "" last."""
    found = base.split("/") if base else []
    return tuple("/".join(found[:count]) for count in range(len(found), -1, -1))


class Places:
    """Paths of one repository, by whole and by suffix."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Index the paths; a path is known by its place among them."""
        self.paths = paths
        self.at = {path: number for number, path in enumerate(paths)}
        self.folders = {above for path in self.at for above in ancestors(folder(path))}
        self.words = {word.partition(".")[0] for path in self.at for word in path.split("/")}
        self._files = _Suffixes(self.at)
        self._folders = _Suffixes(self.folders)

    def first(self, candidates: Iterator[str]) -> int | None:
        """Return the first of the paths that is there."""
        return next((self.at[path] for path in candidates if path in self.at), None)

    def file(self, suffix: str, near: str) -> int | None:
        """Return the file with this suffix that shares most folders with the path `near`."""
        found = self._files.nearest(suffix, near)
        return None if found is None else self.at[found]

    def folder(self, suffix: str, near: str) -> str | None:
        """Return the folder with this suffix that shares most folders with the path `near`."""
        return self._folders.nearest(suffix, near)


class _Suffixes:
    def __init__(self, paths: Iterable[str]) -> None:
        self._by: dict[str, list[Segments]] = {}
        for parts in sorted(map(segments, paths)):
            for count in range(1, min(len(parts), DEPTH) + 1):
                self._by.setdefault("/".join(parts[-count:]), []).append(parts)

    def nearest(self, suffix: str, near: str) -> str | None:
        """Return the path with the longest common beginning, the first of several.

        The paths are sorted, so those that share most with `near` stand where it would stand.
        """
        found = self._by.get(suffix)
        if not found:
            return None
        wanted = segments(near)
        place = bisect_left(found, wanted)
        around = found[max(0, place - 1) : place + 1]
        shared = max((_shared(wanted, one) for one in around), key=len)
        return "/".join(found[bisect_left(found, shared)])


def _shared(path: Segments, other: Segments) -> Segments:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(path, other, strict=False))
    return tuple(part for part, _ in pairs)
