"""MinHash signatures cut into bands: files that share a band may be near-duplicates.

The signatures equal datasketch's of the same permutations, number for number; numba computes them
at the speed that 50 MB/s of source asks for.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline_steps.corpus.shingles import Hashes

SCHEME, SEED = "affine32", 1  # of datasketch's permutations; signatures of others do not compare
# In fewer shingles, a licence header or an empty class looks like any other: only exact copies.
MIN_SHINGLES = 10
_LARGEST = np.uint32(2**32 - 1)


class Sketch:
    """The permutations of one choice of bands and rows."""

    def __init__(self, bands: int, rows: int) -> None:
        from datasketch import MinHash  # half a second, which the other passes need not spend

        reference = MinHash(num_perm=bands * rows, seed=SEED, scheme=SCHEME)
        self._factors, self._offsets = (part.astype(np.uint32) for part in reference.permutations)
        self._shape = (bands, rows)

    def signature(self, shingles: Hashes) -> NDArray[np.uint32]:
        """Return the smallest image of the shingles' low halves under each permutation."""
        least = np.full(len(self._factors), _LARGEST, dtype=np.uint32)
        _lower(shingles.astype(np.uint32), self._factors, self._offsets, least)
        return least

    def bands(self, shingles: Hashes) -> Hashes:
        """Return a 64-bit key for each band; two files share a candidate when one is equal."""
        return _keys(self.signature(shingles).reshape(self._shape))


@numba.njit(nogil=True, cache=True)
def _lower(
    values: NDArray[np.uint32],
    factors: NDArray[np.uint32],
    offsets: NDArray[np.uint32],
    least: NDArray[np.uint32],
) -> None:
    """Lower each of `least` to the smallest image of a value."""
    for value in values:
        mixed = _mixed(value)
        for row in range(len(factors)):
            least[row] = min(least[row], np.uint32(factors[row] * mixed + offsets[row]))


@numba.njit(nogil=True, cache=True)
def _mixed(value: np.uint32) -> np.uint32:
    """Mix as datasketch does before it permutes (MurmurHash3's 32-bit finalizer)."""
    value = np.uint32(value ^ (value >> np.uint32(16)))  # numba widens what is not cast
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value = np.uint32(value ^ (value >> np.uint32(13)))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@numba.njit(nogil=True, cache=True)
def _keys(rows: NDArray[np.uint32]) -> Hashes:
    """Return FNV-1a of each row, 32 bits at a time."""
    keys = np.empty(len(rows), dtype=np.uint64)
    for band in range(len(rows)):
        key = np.uint64(0xCBF29CE484222325)
        for value in rows[band]:
            key = (key ^ np.uint64(value)) * np.uint64(0x100000001B3)
        keys[band] = key ^ (key >> np.uint64(29))
    return keys
