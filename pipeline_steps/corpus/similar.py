"""Near-duplicates of the whole corpus: groups of files that share a band, then the true similarity.

Only the shingles of candidates are held, in a file that is mapped into memory; the texts stay where
they are. So memory depends on how many files are alike, not on how large the corpus is.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_steps.corpus import near
from pipeline_steps.corpus.context import Context
from pipeline_steps.corpus.near import Groups, Numbers
from pipeline_steps.corpus.shingles import Hashes, shingles
from pipeline_steps.corpus.study import read_rows


def cut(context: Context, task: dict[str, Any]) -> None:
    """Write the shingles of a partition's candidates.

    Args:
        context: of the stage.
        task: the parts `texts`, and `shingles` that is made; `rows` of the candidates.
    """

    def write(drafts: list[Path]) -> None:
        texts = context.parts.there(task["texts"])
        size = context.spec.dedup.near.shingle
        found = [shingles(text, size) for _, text in read_rows(texts, task["rows"])]
        with drafts[0].open("wb") as out:
            np.save(out, np.array([len(item) for item in found], dtype=np.int64))
            np.save(out, np.concatenate(found))

    context.parts.make((task["shingles"],), write)


def copies(
    groups: Groups, parts: Iterable[tuple[Numbers, Path]], scratch: Path, threshold: float
) -> tuple[Numbers, Numbers, NDArray[np.float64]]:
    """Return the documents that are copies, what each is a copy of, and how similar they are.

    Args:
        groups: of documents that share a band.
        parts: documents of a partition and the file that `cut` made for them.
        scratch: a file for all shingles.
        threshold: smallest Jaccard similarity of a copy.
    """
    wanted = near.candidates(groups)
    found = [(np.searchsorted(wanted, documents), *_load(path)) for documents, path in parts]
    lengths = np.zeros(len(wanted), dtype=np.int64)
    for positions, sizes, _ in found:
        lengths[positions] = sizes
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    everything = np.memmap(scratch, dtype=np.uint64, mode="w+", shape=max(1, int(offsets[-1])))
    for positions, sizes, values in found:
        ends = np.cumsum(sizes)
        for position, size, end in zip(positions, sizes, ends, strict=True):
            begin = offsets[position]
            everything[begin : begin + size] = values[end - size : end]
    within = Groups(np.searchsorted(wanted, groups.files), groups.group)
    result = near.resolve(within, everything, offsets, threshold)
    scratch.unlink()
    copied = result.of >= 0
    return wanted[copied], wanted[result.of[copied]], result.similarity[copied]


def _load(path: Path) -> tuple[Numbers, Hashes]:
    """Return the number of shingles of each candidate, and all of them, mapped from the file."""
    with path.open("rb") as file:
        sizes: Numbers = np.load(file)
        begin = file.tell()
    shape = (int(sizes.sum()),)
    header = path.stat().st_size - begin - 8 * shape[0]
    if not shape[0]:
        return sizes, np.empty(0, dtype=np.uint64)
    return sizes, np.memmap(path, dtype=np.uint64, mode="r", offset=begin + header, shape=shape)
