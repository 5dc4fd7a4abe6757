"""The files of the comparison as Parquet tables, which every tool reads.

The planted pairs come first, so that a sample has all of them; then the packages, as inputs.toml
lists them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.corpus import packages, planting
from pipeline_steps.corpus.shards import Writer
from pipeline_steps.corpus.shingles import shingles

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),  # of the table
        ("id", pa.string()),  # repository/path
        ("repository", pa.string()),
        ("path", pa.string()),
        ("text", pa.large_string()),
    ]
)
LARGEST, FEWEST = 32_000_000, 8  # bytes of text in a table, which is a task of every tool; tables
SEED = 7
# A base must be long enough for a similarity to a hundredth, and its file not be huge.
SHINGLES, LONGEST = 450, 9_000

ALL_PLANTED = 250_000_000  # bytes of the smallest sample that has every pair

Text = tuple[str, str, str]  # repository, path, text
Archives = Sequence[tuple[packages.Package, Path]]


@dataclass(frozen=True)
class Planted:
    """A pair of files of the tables."""

    base: str  # id
    copy: str
    similarity: float


@dataclass(frozen=True)
class Sample:
    """The tables, and how much they hold."""

    folder: Path
    files: int
    size: int  # bytes of text

    @property
    def tables(self) -> list[Path]:
        """In order."""
        return sorted(self.folder.glob("*.parquet"))

    @property
    def megabytes(self) -> float:
        """Of text."""
        return self.size / 1e6


def write(folder: Path, cache: Path, limit: int) -> tuple[Sample, list[Planted]]:
    """Write tables of at most `limit` bytes and little more, and return what was planted."""
    planted: list[Planted] = []
    found = _all(packages.ensure(cache), min(1.0, limit / ALL_PLANTED), planted)
    folder.mkdir(parents=True)
    files = size = 0
    for number in count():
        path = folder / f"{number:05d}.parquet"
        more, amount = _table(path, found, min(LARGEST, limit // FEWEST, limit - size))
        if not more:
            path.unlink()
            break
        files, size = files + more, size + amount
    return Sample(folder, files, size), planted


def _table(path: Path, found: Iterator[Text], limit: int) -> tuple[int, int]:
    """Write one table of as many texts as fit; return how many they are, and their bytes."""
    files = size = 0
    with Writer(path, SCHEMA) as out:
        while size < limit and (text := next(found, None)):
            repository, name, content = text
            length = len(content.encode())
            place = {"id": f"{repository}/{name}", "repository": repository, "path": name}
            out.write({"row": files, **place, "text": content}, length)
            files, size = files + 1, size + length
    return files, size


def _all(archives: Archives, scale: float, planted: list[Planted]) -> Iterator[Text]:
    yield from _plant((text for _, _, text in _real(archives)), scale, planted)
    yield from _real(archives)


def _real(archives: Archives) -> Iterator[Text]:
    for package, archive in archives:
        for path, text in packages.texts(package, archive):
            yield package.repository, path, text


def _plant(texts: Iterator[str], scale: float, planted: list[Planted]) -> Iterator[Text]:
    """Yield bases and copies, and add to `planted` what they are."""
    fit = (text for text in texts if len(text) <= LONGEST and len(shingles(text, 5)) >= SHINGLES)
    wanted = round(sum(planting.WANTED.values()) * 1.2 * scale)
    for number, pair in enumerate(planting.pairs(list(islice(fit, wanted)), SEED, scale)):
        names = f"planted/base/{number:05d}.txt", f"planted/copy/{number:05d}.txt"
        planted.append(Planted(*names, pair.similarity))
        for name, text in zip(names, (pair.base, pair.copy), strict=True):
            repository, _, path = name.rpartition("/")
            yield repository, path, text


def part(sample: Sample, folder: Path, limit: int) -> Sample:
    """Return a sample of the first tables, linked into a folder, of about `limit` bytes."""
    folder.mkdir(parents=True)
    files = size = 0
    for path in sample.tables:
        if size >= limit:
            break
        (folder / path.name).hardlink_to(path)
        lengths = [len(text.encode()) for _, text in texts([path])]
        files, size = files + len(lengths), size + sum(lengths)
    return Sample(folder, files, size)


def texts(tables: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield id and text of every file."""
    for path in tables:
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(256, columns=["id", "text"]):
                yield from zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True)
