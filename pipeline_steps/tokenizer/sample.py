"""Read a corpus for tokenizer training: what to learn from, and what to measure on.

Every fiftieth document is held out. Of the rest a byte budget is shared evenly among languages:
one that has less than its share is taken whole, and what it leaves goes to the others. Which
documents are taken follows from their ids, which are hashes: so the sample is the same however the
corpus is read.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

HELD_OUT_EVERY = 50
BATCH = 256  # documents read at once


@dataclass(frozen=True)
class Document:
    """A row of the corpus."""

    id: str
    language: str
    bytes: int
    content: str


@dataclass(frozen=True)
class Sample:
    """Which documents of a corpus are learned from."""

    corpus: Path  # folder of the artifact
    rates: dict[str, float]  # language -> share of its documents
    bytes: int  # expected size
    has_held_out: bool

    @classmethod
    def plan(cls, corpus: Path, budget: int) -> "Sample":
        """Choose rates so that about `budget` bytes are learned from."""
        sizes, held_out = Counter[str](), 0
        for number, document in enumerate(_documents(corpus, with_content=False)):
            if is_held_out(number):
                held_out += 1
            else:
                sizes[document.language] += document.bytes
        quotas = shares(dict(sizes), budget)
        rates = {name: quotas[name] / size if size else 0.0 for name, size in sizes.items()}
        return cls(corpus, rates, round(sum(quotas.values())), held_out > 0)

    def training(self) -> Iterator[Document]:
        """Yield what is learned from."""
        for number, document in enumerate(_documents(self.corpus)):
            if not is_held_out(number) and _position(document) < self.rates[document.language]:
                yield document

    def held_out(self) -> Iterator[Document]:
        """Yield what is measured on; of a corpus too small to spare any, all of it."""
        for number, document in enumerate(_documents(self.corpus)):
            if is_held_out(number) or not self.has_held_out:
                yield document


def is_held_out(number: int) -> bool:
    """Return whether a document is measured on, by its place in the corpus."""
    return number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1


def shares(sizes: dict[str, int], budget: int) -> dict[str, float]:
    """Return bytes to take of each language: equal parts, as far as each language reaches."""
    taken: dict[str, float] = {}
    left = float(budget)
    for count, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        taken[name] = min(sizes[name], left / (len(sizes) - count))
        left -= taken[name]
    return taken


def _position(document: Document) -> float:
    """Return where a document's id lies between 0 and 1."""
    return int(document.id[:13], 16) / 16**13  # 52 bits, which a float holds exactly


def _documents(corpus: Path, with_content: bool = True) -> Iterator[Document]:
    """Yield the rows of a corpus, in its order."""
    columns = ["id", "language", "bytes", *(["content"] if with_content else [])]
    for shard in sorted((corpus / "data").glob("*.parquet")):
        with pq.ParquetFile(shard) as file:
            for batch in file.iter_batches(BATCH, columns=columns):
                for row in batch.to_pylist():
                    yield Document(**({"content": ""} | row))
