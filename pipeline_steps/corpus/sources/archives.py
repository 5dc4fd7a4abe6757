"""Read an archive without trusting it: nothing is unpacked to disk, no name leads anywhere.

Archives are sdists, wheels, npm packages, crates, zips: whatever a user put into the bucket. A
member that is no plain UTF-8 file of a sane size is dropped with a reason; an archive that cannot
be read to its end is dropped whole, so that what remains does not depend on where it broke. An
archive inside an archive is read as a folder; one inside that is not.
"""

import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from oremill.specs.corpus import Archives
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.sources import members, streams
from pipeline_steps.corpus.sources.found import Found
from pipeline_steps.corpus.sources.members import dropped
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.corpus.sources.streams import Budget
from pipeline_steps.storage import Store

ZIPS = (".zip", ".whl", ".jar")
COMPRESSIONS = (
    zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA,
)  # fmt: skip
SUFFIXES = (
    ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz", ".tbz2", ".txz", ".tzst", ".tar",
    ".crate", *ZIPS,
)  # fmt: skip
MAX_MEMBERS = 1_000_000  # The Stack v3 cuts a repository there too
MAX_INNER = 256 * 2**20  # bytes of an archive inside an archive
MAX_HEADER = 2**20  # bytes of a tar's extended header, which tarfile reads at once
LONG_HEADERS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
# The last three are what Python's readers run into where they do not look.
TROUBLE = (
    tarfile.TarError, zipfile.BadZipFile, *streams.TROUBLE, IndexError, OverflowError, struct.error,
)  # fmt: skip
DIRECTORY_ENTRY = 46  # bytes of an entry in a zip's directory, at least


def found(archives: Archives, store: Store) -> Iterator[Found]:
    """Yield every archive below the prefix, and what is none."""
    for item in store.list(archives.prefix):
        name, known = repository(item.key, archives.prefix), bool(suffix(item.key))
        yield Found(name, item.key, item.size, item.etag, ignored=not known)


def read(item: Item, store: Store, folder: Path, spool: Spool, limit: int) -> None:
    """Read an archive of the bucket into a spool."""
    file = folder / f"archive{suffix(item.key)}"
    store.download(item.key, file)
    add(file, spool, limit)
    file.unlink()


def repository(key: str, prefix: str) -> str:
    """Return an archive's name below its source's prefix, without its suffix."""
    name = key.removeprefix(prefix).strip("/") or PurePosixPath(key).name
    return name[: len(name) - len(suffix(name))]


def suffix(key: str) -> str:
    """Return the part of a name by which we know how to read it; "" when we cannot."""
    return next((end for end in SUFFIXES if key.lower().endswith(end)), "")


def add(file: Path, spool: Spool, limit: int) -> None:
    """Put every file of an archive into a spool, by its path below the archive's own top folder.

    Args:
        file: an archive, named as SUFFIXES has it.
        spool: for its files, or the reason why there are none.
        limit: bytes of a text; what is larger is not read.
    """
    size = file.stat().st_size
    with TemporaryDirectory(dir=file.parent) as inner:
        budget = Budget(size, streams.MAX_UNPACKED)
        whole = _Archive(spool, limit, budget, Path(inner))
        if whole.add(file, "", size):
            spool.rename(whole.top.removed)
            spool.replaced()


class _Archive:
    """An archive that is being read, with those inside of it."""

    def __init__(self, spool: Spool, limit: int, budget: Budget, folder: Path) -> None:
        self._spool, self._limit, self._budget, self._folder = spool, limit, budget, folder
        self._count, self._inside = 0, False
        self.top = _Top()

    def add(self, file: Path, below: str, size: int) -> bool:
        """Add all files; when one cannot be read, the archive alone. Return whether it was read.

        Args:
            file: the archive.
            below: path of this archive in the outer one, as a folder; "" for the outer one.
            size: bytes of the archive.
        """
        before = len(self._spool)
        try:
            (self._zip if file.name.lower().endswith(ZIPS) else self._tar)(file, below)
        except TROUBLE as error:
            if isinstance(error, OSError) and not streams.is_from(error):
                raise  # the disk's trouble, not the archive's
            bomb = isinstance(error, streams.Bomb)
            if bomb and below:
                raise  # the outer archive's budget is spent
            self._spool.forget(before)
            reason = "archive-bomb" if bomb else "unreadable-archive"
            value = f"{type(error).__name__}: {error}"
            self._spool.add(dropped(below.rstrip("/"), size, reason, value))
            return False
        if len(self._spool) == before:
            self._spool.add(dropped(below.rstrip("/"), size, "no-files"))
        return True

    def _tar(self, file: Path, below: str) -> None:
        with (
            streams.unpacked(file, self._budget) as stream,
            tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as tar,
        ):
            for info in iter(tar.next, None):
                tar.members.clear()  # type: ignore[attr-defined]  # which would grow by a kilobyte a member
                if info.size > streams.MAX_UNPACKED:  # tarfile would look for its end for ages
                    raise streams.Bomb(f"{info.name!r} is to have {info.size} bytes")
                if not info.isdir():
                    content = tar.extractfile(info) if info.isfile() else None
                    self._member(below + info.name.removeprefix("./"), info.size, content)
            while stream.read(streams.BLOCK):  # to the checksum at the end
                pass

    def _zip(self, file: Path, below: str) -> None:
        self._count_entries(file)
        with zipfile.ZipFile(file) as opened:
            for info in opened.infolist():
                if not info.filename.endswith("/") or info.file_size:
                    self._zipped(opened, info, below + info.filename.removeprefix("./"))

    def _zipped(self, opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
        """Add a member of a zip."""
        mode = stat.S_IFMT(info.external_attr >> 16)  # 0 where no Unix wrote the zip
        regular = mode in (0, stat.S_IFREG) and not name.endswith("/")
        if info.flag_bits & 1 or info.compress_type not in COMPRESSIONS:
            self._count_one(name)
            reason = "encrypted" if info.flag_bits & 1 else "unknown-compression"
            self._spool.add(dropped(name, info.file_size, reason, f"method {info.compress_type}"))
        elif not regular or self._is_too_large(name, info.file_size):
            self._member(name, info.file_size, None, regular=regular)
        else:
            self._budget.spend(info.file_size)
            with opened.open(info) as content:
                self._member(name, info.file_size, content)

    def _count_entries(self, file: Path) -> None:
        """Raise Bomb when a zip's directory, which zipfile reads whole, has too many entries."""
        with file.open("rb") as opened:
            end = zipfile._EndRecData(opened)  # type: ignore[attr-defined]  # as zipfile will read it
        if end and end[zipfile._ECD_SIZE] > MAX_MEMBERS * DIRECTORY_ENTRY:  # type: ignore[attr-defined]
            raise streams.Bomb(f"more than {MAX_MEMBERS} files")

    def _member(
        self, path: str, size: int, content: IO[bytes] | None, regular: bool = False
    ) -> None:
        """Add a member; `content` is None for what is no file, or `regular` and too large."""
        self._count_one(path)
        if content is None and not regular:
            self._spool.add(dropped(path, size, "not-a-regular-file"))
        elif members.is_unsafe(path):
            self._spool.add(dropped(path, size, "unsafe-path"))
        elif self._is_too_large(path, size) or content is None:
            self._spool.add(members.too_large(path, size, self._most(path)))
        elif suffix(path):
            self._inner(path, size, content)
        else:
            self._spool.add(members.member(path, content.read(), self._limit))

    def _inner(self, path: str, size: int, content: IO[bytes]) -> None:
        """Read an archive inside the outer one as a folder."""
        if self._inside:
            self._spool.add(dropped(path, size, "nested-archive", "only one level is read"))
            return
        file = self._folder / f"inner{suffix(path)}"
        with file.open("wb") as out:
            shutil.copyfileobj(content, out, streams.BLOCK)
        self._inside = True
        self.add(file, f"{path}/", size)
        self._inside = False
        file.unlink()

    def _most(self, path: str) -> int:
        return MAX_INNER if suffix(path) else members.readable(path, self._limit)

    def _is_too_large(self, path: str, size: int) -> bool:
        return size > self._most(path)

    def _count_one(self, path: str) -> None:
        self._count += 1
        if self._count > MAX_MEMBERS:
            raise streams.Bomb(f"more than {MAX_MEMBERS} files")
        self.top.see(path)


class _Top:
    """The folder that holds all files: sdists have one, npm calls it "package"."""

    def __init__(self) -> None:
        self._heads: set[str] = set()

    def see(self, path: str) -> None:
        head, _, rest = path.partition("/")
        if len(self._heads) < 2:
            self._heads.add(head if rest else "")

    def removed(self, path: str) -> str:
        head = next(iter(self._heads), "")
        return path.removeprefix(f"{head}/") if len(self._heads) == 1 and head else path


class _Header(tarfile.TarInfo):
    """A header that is refused where tarfile would end in silence, or read gigabytes at once."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"damaged or cut: {error}") from error
        if info.type in LONG_HEADERS and info.size > MAX_HEADER:
            raise tarfile.ReadError(f"a header of {info.size} bytes")
        if info.type == tarfile.GNUTYPE_SPARSE:
            info._proc_gnusparse_10()
        return info

    def _proc_gnusparse_10(self, *given: object) -> None:
        """Refuse a sparse file, whose map of holes may take as much memory as it likes."""
        raise tarfile.ReadError("a sparse file")
