"""Compressed files as streams that cannot grow without end.

A file's first bytes say how it is compressed, whatever its name says. A stream ends with `Bomb`
when it gives more than anybody packs.
"""

import bz2
import errno
import gzip
import io
import lzma
import zlib
from pathlib import Path
from typing import Protocol

import pyarrow as pa

MAX_UNPACKED = 8 * 2**30  # bytes of one archive
MAX_RATIO = 200  # unpacked to packed; tars of many small sources reach 40, zeros 1,000 and more
FLOOR = 64 * 2**20  # bytes below which no ratio is suspicious
XZ_MEMORY = 160 * 2**20  # bytes; the strongest preset, `xz -9`, needs 65 MiB to be read
BLOCK = 2**18
_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst"}
TROUBLE = (
    gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError, OSError, NotImplementedError,
    RuntimeError, ValueError, pa.ArrowException,
)  # fmt: skip
# What the system says of a place that no file has, such as -7: a damaged file sends one there.
NOWHERE = (errno.EINVAL, errno.EOVERFLOW)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class Bomb(ValueError):
    """More than anybody packs into a file of this size."""


class Budget:
    """What one file may unpack to."""

    def __init__(self, packed: int, most: int | None = None) -> None:
        """Allow for a file.

        Args:
            packed: its bytes.
            most: bytes that it may unpack to, whatever its size.
        """
        self._left = max(FLOOR, packed * MAX_RATIO)
        if most is not None:
            self._left = min(self._left, most)
        self._allowed = self._left

    def spend(self, size: int) -> None:
        """Count unpacked bytes. Raises Bomb."""
        self._left -= size
        if self._left < 0:
            raise Bomb(f"unpacks to more than {self._allowed} bytes")


class Metered(io.RawIOBase):
    """A stream whose bytes are counted."""

    def __init__(self, stream: _Readable, budget: Budget) -> None:
        super().__init__()
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Fill a buffer, as `io.RawIOBase` has it."""
        found = self._stream.read(len(buffer))
        self._budget.spend(len(found))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the stream below, too."""
        self._stream.close()
        super().close()


def unpacked(file: Path, budget: Budget) -> io.BufferedReader:
    """Return a file's content, unpacked, as a stream to be closed; it raises Bomb and TROUBLE."""
    return io.BufferedReader(Metered(_opened(file), budget), BLOCK)


def is_from(error: BaseException) -> bool:
    """Return whether an error is the file's: not the disk's, nor the bucket's."""
    if isinstance(error, OSError):
        return error.errno in (None, *NOWHERE) and not isinstance(error, FileNotFoundError)
    return isinstance(error, TROUBLE)


def inflated(content: bytes, limit: int) -> bytes | None:
    """Return gzip's content, or the content when it is none; None when it is past the limit.

    Raises:
        ValueError: it is damaged.
    """
    if not content.startswith(b"\x1f\x8b"):
        return content if len(content) <= limit else None
    machine = zlib.decompressobj(wbits=31)
    try:
        found = machine.decompress(content, limit + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(found) > limit:
        return None
    if not machine.eof:
        raise ValueError("ends in the middle")
    return found


def _opened(file: Path) -> _Readable:
    with file.open("rb") as opened:
        head = opened.read(6)
    match next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), ""):
        case "gz":
            return gzip.open(file)
        case "bz2":
            return bz2.open(file)
        case "xz":
            return io.BufferedReader(_Xz(file), BLOCK)
        case "zst":
            return pa.input_stream(str(file), compression="zstd")  # type: ignore[no-any-return]
    return file.open("rb")


class _Xz(io.RawIOBase):
    """lzma.open with a limit of memory, which a file's header could else set to 4 GiB."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file.open("rb")
        self._machine: lzma.LZMADecompressor | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        found = b""
        while not found:
            if self._machine is None or self._machine.eof:
                rest = self._machine.unused_data if self._machine else b""
                rest = (rest.lstrip(b"\0") or self._file.read(BLOCK)).lstrip(b"\0")  # padding
                if not rest:
                    return 0
                self._machine = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
            else:
                rest = self._file.read(BLOCK) if self._machine.needs_input else b""
                if not rest and self._machine.needs_input:
                    raise EOFError("ends in the middle")
            found = self._machine.decompress(rest, len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()
