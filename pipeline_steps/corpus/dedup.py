"""Which files are copies of an earlier one. Documents come in (source, repository, path) order.

Near-duplicates: MinHash signatures are cut into bands; files that share a band are candidates; a
candidate is a duplicate when the true Jaccard similarity of the shingles reaches the threshold.
Only kept files are compared with, so chains of similar files do not collapse into one, and no file
is removed for a likeness to one that is itself removed. The result depends on the order of the
documents alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from oremill.specs.corpus import NearDedup
from pipeline_steps.corpus.shingles import Hashes, jaccard

SCHEME, SEED = "affine32", 1  # of datasketch's permutations; signatures of others do not compare
MIN_SHINGLES = (
    10  # in fewer, a licence header or an empty class looks like any other: only exact copies
)
BLOCK = 4096  # shingles at once: 4 MB of products at 250 permutations


@dataclass(frozen=True)
class Copy:
    """A file is a copy of the file at index `of`."""

    of: int
    similarity: float


def exact(digests: Sequence[str]) -> dict[int, Copy]:
    """Return index -> copy for each digest that occurred before."""
    first: dict[str, int] = {}
    return {
        index: Copy(first[digest], 1.0)
        for index, digest in enumerate(digests)
        if first.setdefault(digest, index) != index
    }


def near(documents: Sequence[Hashes], rules: NearDedup) -> dict[int, Copy]:
    """Return index -> copy for each document that is similar to an earlier, kept one.

    Args:
        documents: shingles of each document; one with few of them is never a duplicate.
        rules: bands, rows and threshold.
    """
    copies: dict[int, Copy] = {}
    sketch = Sketch(rules.bands, rules.rows)
    kept: list[dict[bytes, list[int]]] = [{} for _ in range(rules.bands)]
    for index, shingles in enumerate(documents):
        if len(shingles) < MIN_SHINGLES:
            continue
        bands = sketch.bands(shingles)
        tables = list(zip(kept, bands, strict=True))
        candidates = {one for table, band in tables for one in table.get(band, ())}
        copy = _nearest(shingles, sorted(candidates), documents, rules.threshold)
        if copy is not None:
            copies[index] = copy
            continue
        for table, band in tables:
            table.setdefault(band, []).append(index)
    return copies


def _nearest(
    shingles: Hashes, candidates: list[int], documents: Sequence[Hashes], threshold: float
) -> Copy | None:
    """Return the first candidate that is similar enough."""
    for index in candidates:
        other = documents[index]
        if min(len(shingles), len(other)) < threshold * max(len(shingles), len(other)):
            continue  # sets of such different sizes cannot be that similar
        similarity = jaccard(shingles, other)
        if similarity >= threshold:
            return Copy(index, similarity)
    return None


class Sketch:
    """MinHash signatures that equal datasketch's, bit for bit, computed on whole arrays."""

    def __init__(self, bands: int, rows: int) -> None:
        reference = MinHash(num_perm=bands * rows, seed=SEED, scheme=SCHEME)
        self._factors, self._offsets = (part[:, None] for part in reference.permutations)
        self._bands = bands

    def signature(self, shingles: Hashes) -> NDArray[np.uint32]:
        """Return the smallest image of the shingles' low halves under each permutation."""
        values = _fmix32(shingles.astype(np.uint32))
        least = np.full(len(self._factors), 2**32 - 1, dtype=np.uint32)
        for start in range(0, len(values), BLOCK):
            images = self._factors * values[None, start : start + BLOCK] + self._offsets
            np.minimum(least, images.min(axis=1), out=least)
        return least

    def bands(self, shingles: Hashes) -> list[bytes]:
        """Return the signature's bands as keys."""
        return [band.tobytes() for band in np.split(self.signature(shingles), self._bands)]


def _fmix32(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mix as datasketch does before it permutes (MurmurHash3's 32-bit finalizer)."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))
