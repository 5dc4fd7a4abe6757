"""Read an archive without trusting it: nothing is written to disk, no name leads anywhere.

Archives are sdists, npm packages, crates, zips: whatever a user put into the bucket. A member that
is no plain UTF-8 file of a sane size is dropped with a reason; an archive that cannot be read to
its end is dropped whole, so that what remains does not depend on where it broke.
"""

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SUFFIXES = (
    ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".crate", ".zip",
)  # fmt: skip
MAX_MEMBERS = 1_000_000  # The Stack v3 cuts a repository there too
MAX_UNPACKED = 8 * 2**30  # bytes of all members that we read: ends decompression bombs
BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError,
    OSError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A file of an archive: its text, or the reason why it has none."""

    path: str  # in the repository, without the archive's own top folder
    size: int  # bytes
    text: str = ""
    reason: str = ""
    value: str = ""


@dataclass(frozen=True)
class _Raw:
    """A member as the archive names it; `content` is None when it was not read."""

    name: str
    size: int
    regular: bool
    content: bytes | None


def repository(key: str, prefix: str) -> str:
    """Return an archive's name below its source's prefix, without its suffix."""
    name = key.removeprefix(prefix).strip("/") or PurePosixPath(key).name
    return name[: len(name) - len(suffix(name))]


def suffix(key: str) -> str:
    """Return the part of a name by which we know how to read it; "" when we cannot."""
    return next((end for end in SUFFIXES if key.lower().endswith(end)), "")


def members(archive: Path, max_bytes: int) -> list[Member]:
    """Return every file of an archive, sorted by path.

    Args:
        archive: a tar, compressed or not, or a zip.
        max_bytes: a larger file is not read.
    """
    try:
        raw = list(_zip(archive, max_bytes) if _is_zip(archive) else _tar(archive, max_bytes))
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's trouble, not the archive's
        whole = Member(path="", size=archive.stat().st_size, reason="unreadable-archive")
        return [Member(**{**vars(whole), "value": f"{type(error).__name__}: {error}"[:200]})]
    top = _top_folder(raw)
    found = {member.path: member for member in (_member(item, top, max_bytes) for item in raw)}
    return [found[path] for path in sorted(found)]  # of two members with one name, the later wins


def _is_zip(archive: Path) -> bool:
    return archive.name.lower().endswith(".zip")


def _tar(archive: Path, max_bytes: int) -> Iterator[_Raw]:
    budget = _Budget()
    with tarfile.open(archive, mode="r:*") as tar:
        for info in tar:
            if info.isdir():
                continue
            wanted = info.isfile() and info.size <= max_bytes
            budget.spend(info.size)  # a skipped member is decompressed too
            file = tar.extractfile(info) if wanted else None
            yield _Raw(info.name, info.size, info.isfile(), file.read() if file else None)


def _zip(archive: Path, max_bytes: int) -> Iterator[_Raw]:
    budget = _Budget()
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if info.is_dir():
                continue
            mode = info.external_attr >> 16  # Unix mode; 0 where another system wrote the zip
            regular = stat.S_IFMT(mode) in (0, stat.S_IFREG)
            wanted = regular and info.file_size <= max_bytes
            budget.spend(info.file_size if wanted else 0)
            content = opened.read(info) if wanted else None
            yield _Raw(info.filename, info.file_size, regular, content)


class _Budget:
    """What one archive may cost."""

    def __init__(self) -> None:
        self._members, self._bytes = 0, 0

    def spend(self, size: int) -> None:
        self._members += 1
        self._bytes += size
        if self._members > MAX_MEMBERS or self._bytes > MAX_UNPACKED:
            raise ValueError(f"more than {MAX_MEMBERS} files or {MAX_UNPACKED} bytes")


def _member(raw: _Raw, top: str, max_bytes: int) -> Member:
    """Return the member as text, or say why it is none; the first reason that holds counts."""
    path = raw.name.removeprefix("./").removeprefix(top)
    printable = path.encode("utf-8", "backslashreplace").decode()
    if not raw.regular:
        return Member(printable, raw.size, reason="not-a-regular-file")
    if _is_unsafe(raw.name):
        return Member(printable, raw.size, reason="unsafe-path")
    if raw.content is None:
        return Member(path, raw.size, reason="too-large", value=f"{raw.size} > {max_bytes}")
    if b"\0" in raw.content:
        return Member(path, raw.size, reason="binary")
    try:
        text = raw.content.decode("utf-8")
    except UnicodeDecodeError as error:
        return Member(path, raw.size, reason="not-utf8", value=f"byte {error.start}")
    if not text.strip():
        return Member(path, raw.size, reason="empty")
    return Member(path, raw.size, text=text)


def _is_unsafe(name: str) -> bool:
    """Return whether a name leaves the archive, or is no UTF-8, or breaks a line."""
    parts = name.replace("\\", "/").split("/")
    odd = any(not letter.isprintable() for letter in name)  # surrogates and control characters
    return name.startswith(("/", "\\")) or ".." in parts or odd or not PurePosixPath(name).name


def _top_folder(raw: list[_Raw]) -> str:
    """Return the folder that holds all files (sdists have one, npm calls it "package"), or ""."""
    tops = {item.name.removeprefix("./").partition("/")[::2] for item in raw}
    heads = {head for head, _ in tops}
    return f"{heads.pop()}/" if len(heads) == 1 and all(rest for _, rest in tops) else ""
