"""Real sources by the gigabyte: what is installed here, as it is and in seeded variants.

Of a variant's files three in five are other programs (all their words renamed), one in five is
nearly the original, one in five is a copy of it: every stage has work, and the corpus stays large.
"""

import io
import sysconfig
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from zlib import crc32

import pyarrow as pa

from devcluster.golang import find_go
from devcluster.layout import default_cache
from pipeline_steps.storage import Store
from tests.soak.edits import renamed

MAX_FILE = 1_000_000  # bytes: a larger file is no source
SMALLEST = 20_000  # bytes of a repository
AT_ONCE = 4  # repositories that are held
FRAME = 16 * 2**20  # bytes that are compressed at once
SMALL_FILES = 50_000  # bytes of an input for one of the files of the archive of small ones
LARGE = 10  # part of an input that each of two archives makes
NEAR = 0.92  # share of a near-duplicate that is the original's
LICENCES = ("license", "licence", "copying", "notice")

Files = list[tuple[str, bytes]]  # path and content


@dataclass(frozen=True)
class Repository:
    """A repository and its files."""

    name: str
    files: Files

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(len(content) for _, content in self.files)


def originals() -> list[Repository]:
    """Return the packages of this environment and the parts of the Go tree, by name."""
    go = Path(find_go(default_cache())).resolve()
    roots = {"python": Path(sysconfig.get_path("purelib")), "go": go.parents[1] / "src"}
    found = [
        Repository(f"{kind}-{folder.name}", list(_files(folder)))
        for kind, root in roots.items()
        for folder in sorted(root.iterdir())
        if folder.is_dir()
    ]
    return [one for one in found if one.size >= SMALLEST]


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_FILE:
            content = path.read_bytes()
            if b"\0" not in content[:4096]:
                yield path.relative_to(folder.parent).as_posix(), content


def variant(repository: Repository, number: int) -> Repository:
    """Return a variant; 0 is the original."""
    files = [
        (path, _edited(path, content, number)) for path, content in repository.files if content
    ]
    return Repository(f"{repository.name}-{number}", files)


def _edited(path: str, content: bytes, number: int) -> bytes:
    name = path.rpartition("/")[2].lower()
    if not number or name.startswith(LICENCES):
        return content
    match crc32(f"{number}/{path}".encode()) % 5:
        case 0:
            return content
        case 1:
            return renamed(content, number, int(NEAR * len(content)))
    return renamed(content, number)


def archives(size: int) -> Iterator[Repository]:
    """Yield repositories of `size` bytes in all: two large ones, one of very many small files."""
    known = originals()
    made = (variant(one, number) for number in count() for one in known)
    for number in range(2):
        yield _joined(made, f"large-{number}", size // LARGE)
    yield _small(next(made), size // SMALL_FILES)
    left = size - 2 * (size // LARGE)
    for one in made:
        yield one
        left -= one.size
        if left <= 0:
            return


def _joined(made: Iterator[Repository], name: str, size: int) -> Repository:
    """Return repositories as folders of one."""
    files: Files = []
    while size > 0:
        one = next(made)
        files += [(f"{one.name}/{path}", content) for path, content in one.files]
        size -= one.size
    return Repository(name, files)


def _small(one: Repository, number: int) -> Repository:
    """Return a repository of very many small files."""
    lines = b"".join(content for _, content in one.files).splitlines(keepends=True)
    files = []
    for file in range(number):
        begin = file * 12 % max(1, len(lines) - 12)
        text = b"# part %d\n" % file + b"".join(lines[begin : begin + 12])
        files.append((f"parts/{file % 1000:03d}/{file:06d}.md", renamed(text, file)))
    return Repository("small-files", files)


def upload(store: Store, prefix: str, found: Iterator[Repository]) -> int:
    """Store repositories as archives below a prefix; return the bytes of their files."""

    def put(one: Repository) -> int:
        packed, key = _packed(one), f"{prefix}{one.name}.tar.zst"
        store.client.put_object(store.target.bucket, key, io.BytesIO(packed), len(packed))
        return one.size

    size = 0
    with ThreadPoolExecutor(2) as pool:
        while window := list(islice(found, AT_ONCE)):
            size += sum(pool.map(put, window))
    return size


def _packed(one: Repository) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in one.files:
            info = tarfile.TarInfo(f"{one.name}/{path}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
            tar.members.clear()  # which would grow by a kilobyte a file
    whole, codec = out.getbuffer(), pa.Codec("zstd", compression_level=1)
    frames = (whole[begin : begin + FRAME] for begin in range(0, len(whole), FRAME))
    return b"".join(codec.compress(frame, asbytes=True) for frame in frames)
