"""Files of an item on their way to be judged: in order, with little memory.

A tar has its licence wherever it was packed, and its files in any order, so an item is read to its
end before its first file goes on. Texts past a few MB wait in a file; the index alone is held,
about 400 bytes a file.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType

from pipeline_steps.corpus.sources.members import Member

IN_MEMORY = 4 * 2**20  # bytes of text


@dataclass(frozen=True, slots=True)
class _Entry:
    member: Member  # without its text
    number: int  # of the file in its item
    offset: int
    length: int  # bytes of text; 0 for none

    @property
    def place(self) -> tuple[str, str]:
        return self.member.repository, self.member.path

    def without_text(self, reason: str) -> "_Entry":
        member = replace(self.member, reason=self.member.reason or reason)
        return replace(self, member=member, length=0)


class Texts(Mapping[str, str]):
    """Texts by path, which stay where they are until they are asked for."""

    def __init__(self, entries: Mapping[str, _Entry], read: Callable[[_Entry], str]) -> None:
        self._entries, self._read = entries, read

    def __getitem__(self, path: str) -> str:
        return self._read(self._entries[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


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
        self._entries: list[_Entry] = []
        self._by_path: dict[str, dict[str, _Entry]] | None = None
        self._size = 0
        self._newest: tuple[int, str] = -1, ""  # offset and text of what was read last
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

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, member: Member) -> None:
        """Take a file; all are taken before the first is asked for."""
        text = member.text.encode()
        self._texts.seek(self._size)
        self._texts.write(text)
        bare = replace(
            member,
            text="",
            repository=sys.intern(member.repository or self._repository),
            revision=sys.intern(member.revision or self.revision),
        )
        self._entries.append(_Entry(bare, len(self._entries), self._size, len(text)))
        self._size += len(text)

    def forget(self, count: int) -> None:
        """Drop all files but the first `count`."""
        if count < len(self._entries):
            self._size = self._entries[count].offset
            del self._entries[count:]

    def rename(self, name: Callable[[str], str]) -> None:
        """Give every file another path."""
        self._entries = [
            replace(entry, member=replace(entry.member, path=name(entry.member.path)))
            for entry in self._entries
        ]

    def replaced(self) -> None:
        """Drop files whose path a later file has, as it happens where an archive is unpacked."""
        last = {entry.place: entry.number for entry in self._entries}
        self._entries = [
            entry if last[entry.place] == entry.number else entry.without_text("duplicate-path")
            for entry in self._entries
        ]

    def __iter__(self) -> Iterator[Member]:
        """Yield the files."""
        self._entries.sort(key=lambda entry: (entry.place, entry.number))
        for entry in self._entries:
            yield replace(entry.member, text=self._text(entry))

    def texts(self, repository: str) -> "Texts":
        """Return a repository's texts by path, for `licences.Tree`; each is read when asked for."""
        if self._by_path is None:
            self._by_path = {}
            for entry in sorted(self._entries, key=lambda entry: entry.number):
                if entry.length:
                    own = self._by_path.setdefault(entry.member.repository, {})
                    own[entry.member.path] = entry
        return Texts(self._by_path.get(repository, {}), self._text)

    def _text(self, entry: _Entry) -> str:
        if not entry.length:
            return ""
        if entry.offset != self._newest[0]:  # else a file is judged, and its licence looked for
            self._texts.seek(entry.offset)
            self._newest = entry.offset, self._texts.read(entry.length).decode()
        return self._newest[1]
