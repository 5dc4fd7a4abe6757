"""The corpus as tokens: read from Parquet once, then memory-mapped by every rank of the node.

    tokens.bin       all documents, one behind the other, each with its end-of-text
    documents.npz    where each begins, a 64-bit id, the number of its source
    sources.json     names of the sources

Special tokens are never parsed from a document's text: a file that spells one gets its characters.
The folder appears under its name when it is whole, so a rank that finds it can use it.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline_steps.errors import UserError
from pipeline_steps.sentinels import END_OF_TEXT

BATCH = 1000  # documents that are read and tokenised at a time
HELD_OUT = 64  # one document in so many, chosen by its id, is kept out of training


@dataclass(frozen=True)
class Documents:
    """A tokenised corpus of n documents."""

    tokens: NDArray[np.uint16] | NDArray[np.uint32]
    starts: NDArray[np.int64]  # n + 1 offsets into tokens
    ids: NDArray[np.uint64]  # n, from the corpus's ids: the same wherever a document is stored
    sources: NDArray[np.int64]  # n, numbers into names
    names: list[str]

    @classmethod
    def open(cls, folder: Path) -> "Documents":
        """Map a folder that `write` made."""
        arrays = np.load(folder / "documents.npz")
        tokens = np.memmap(folder / "tokens.bin", dtype=str(arrays["dtype"]), mode="r")
        names = json.loads((folder / "sources.json").read_text())
        return cls(tokens, arrays["starts"], arrays["ids"], arrays["sources"], names)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each document, with its end-of-text."""
        return np.diff(self.starts)

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """Whether a document is kept out of training, to measure the loss on."""
        return np.asarray(self.ids % np.uint64(HELD_OUT) == 0)


def write(corpus: Path, tokenizer: Tokenizer, folder: Path) -> None:
    """Tokenise a corpus into `folder`, unless it is there.

    Raises:
        UserError: the corpus has no document.
    """
    if folder.is_dir():
        return
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _write(corpus, tokenizer, part)
    part.rename(folder)


def _write(corpus: Path, tokenizer: Tokenizer, folder: Path) -> None:
    tokenizer.encode_special_tokens = True  # read them as plain text
    dtype = np.uint16 if tokenizer.get_vocab_size() <= 2**16 else np.uint32
    end = tokenizer.token_to_id(END_OF_TEXT)
    lengths: list[int] = []
    ids: list[int] = []
    sources: list[str] = []
    with (folder / "tokens.bin").open("wb") as out:
        for rows in _rows(corpus):
            for encoded in tokenizer.encode_batch_fast(rows["content"], add_special_tokens=False):
                np.asarray([*encoded.ids, end], dtype=dtype).tofile(out)
                lengths.append(len(encoded.ids) + 1)
            ids.extend(_identity(name) for name in rows["id"])
            sources.extend(rows["source"])
    if not lengths:
        raise UserError("spec.corpusRef: the corpus has no document to train on")
    _write_index(folder, dtype().dtype.name, lengths, ids, sources)


def _write_index(
    folder: Path, dtype: str, lengths: list[int], ids: list[int], sources: list[str]
) -> None:
    names = sorted(set(sources))
    numbers = {name: number for number, name in enumerate(names)}
    np.savez(
        folder / "documents.npz",
        dtype=dtype,
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        ids=np.asarray(ids, dtype=np.uint64),
        sources=np.asarray([numbers[name] for name in sources], dtype=np.int64),
    )
    (folder / "sources.json").write_text(json.dumps(names))


def _rows(corpus: Path) -> Iterator[dict[str, list[str]]]:
    """Yield batches of documents, shard by shard in the order of their names."""
    for shard in sorted(corpus.glob("data/*.parquet")):
        columns = ["id", "source", "content"]
        for batch in pq.ParquetFile(shard).iter_batches(batch_size=BATCH, columns=columns):
            yield batch.to_pydict()


def _identity(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
