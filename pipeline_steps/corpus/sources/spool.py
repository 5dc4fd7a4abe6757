"""Files of an item on their way to be judged: in order, with little memory.

A tar has its licence wherever it was packed, and its files in any order, so an item is read to its
end before its first file goes on. Past a few MB, texts wait in a file and their index in another: a
repository of a million files takes no more memory than one of a thousand.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType

from pipeline_steps.corpus.sources.members import Member

IN_MEMORY = 4 * 2**20  # bytes of text, and as many of the index
_TOLD = [field.name for field in fields(Member) if field.name != "text"]  # columns, as in Member
_TABLE = f"""
    PRAGMA journal_mode = OFF;
    PRAGMA cache_size = -{IN_MEMORY >> 10};
    CREATE TABLE files (number INTEGER PRIMARY KEY, start INT, length INT, {", ".join(_TOLD)});
    BEGIN
"""
_INSERT = f"INSERT INTO files VALUES ({', '.join('?' * (3 + len(_TOLD)))})"
# SQLite compares bytes of UTF-8, whose order is that of Python's characters.
_PLACES = "CREATE INDEX IF NOT EXISTS places ON files (repository, path)"


class Texts(Mapping[str, str]):
    """Texts of a repository by path, which stay where they are until they are asked for."""

    def __init__(
        self, index: sqlite3.Connection, repository: str, read: Callable[[int, int], str]
    ) -> None:
        self._index, self._repository, self._read = index, repository, read

    def __getitem__(self, path: str) -> str:
        found = self._index.execute(
            "SELECT start, length FROM files WHERE repository = ? AND path = ? AND length > 0"
            " ORDER BY number DESC LIMIT 1",
            (self._repository, path),
        ).fetchone()
        if found is None:
            raise KeyError(path)
        return self._read(*found)

    def __iter__(self) -> Iterator[str]:
        found = self._index.execute(
            "SELECT path FROM files WHERE repository = ? AND length > 0"
            " GROUP BY path ORDER BY min(number)",
            (self._repository,),
        )
        return (path for (path,) in found)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Spool(Iterable[Member]):
    """The files of one item, in (repository, path) order, whatever order they came in."""

    def __init__(self, folder: Path, repository: str, revision: str = "") -> None:
        """Open a spool.

        Args:
            folder: for the file of texts, which has no name and is gone with the spool.
            repository: of the files whose source names none.
            revision: of the files whose source names none.
        """
        self._texts = SpooledTemporaryFile(  # noqa: SIM115
            max_size=IN_MEMORY, mode="w+b", dir=str(folder)
        )
        # A database without a name: in memory at first, then in a file of TMPDIR that has none.
        self._index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._index.executescript(_TABLE)
        self._count = self._size = 0
        self._newest: tuple[int, str] = -1, ""  # start and text of what was read last
        self._repository, self.revision = repository, revision

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._texts.close()
        self._index.close()

    def __len__(self) -> int:
        return self._count

    def add(self, member: Member) -> None:
        """Take a file; all are taken before the first is asked for."""
        text = member.text.encode()
        self._texts.seek(self._size)
        self._texts.write(text)
        told = replace(
            member,
            repository=member.repository or self._repository,
            revision=member.revision or self.revision,
        )
        values = (getattr(told, name) for name in _TOLD)
        self._index.execute(_INSERT, (self._count, self._size, len(text), *values))
        self._count += 1
        self._size += len(text)

    def forget(self, count: int) -> None:
        """Drop all files but the first `count`."""
        if count < self._count:
            start = self._index.execute("SELECT start FROM files WHERE number = ?", (count,))
            (self._size,) = start.fetchone()
            self._index.execute("DELETE FROM files WHERE number >= ?", (count,))
            self._count = count

    def rename(self, name: Callable[[str], str]) -> None:
        """Give every file another path."""
        self._index.create_function("renamed", 1, name)
        self._index.execute("UPDATE files SET path = renamed(path)")

    def replaced(self) -> None:
        """Drop files whose path a later file has, as it happens where an archive is unpacked."""
        self._index.execute(
            "UPDATE files SET length = 0,"
            " reason = CASE reason WHEN '' THEN 'duplicate-path' ELSE reason END"
            " WHERE number NOT IN (SELECT max(number) FROM files GROUP BY repository, path)"
        )

    def __iter__(self) -> Iterator[Member]:
        """Yield the files."""
        self._index.execute(_PLACES)
        for start, length, *told in self._index.execute(
            f"SELECT start, length, {', '.join(_TOLD)} FROM files ORDER BY repository, path, number"
        ):
            yield Member(**dict(zip(_TOLD, told, strict=True)), text=self._text(start, length))

    def texts(self, repository: str) -> Texts:
        """Return a repository's texts by path, for `licences.Tree`; each is read when asked for."""
        self._index.execute(_PLACES)
        return Texts(self._index, repository, self._text)

    def _text(self, start: int, length: int) -> str:
        if not length:
            return ""
        if start != self._newest[0]:  # else a file is judged, and its licence looked for
            self._texts.seek(start)
            self._newest = start, self._texts.read(length).decode()
        return self._newest[1]
