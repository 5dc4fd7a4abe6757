"""Word n-grams of a text as 64-bit numbers: for near-duplicates, and for contamination.

Words are runs of letters, digits and underscores in lower case, as in The Stack v2. Every word is
hashed once in a process, and a shingle's hash is a polynomial of its words' hashes, so that numpy
does the rest.
"""

import re
from functools import lru_cache

import numpy as np
import xxhash
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_WORD = re.compile(r"\w+")
_FACTOR = (
    0x9E3779B97F4A7C15  # odd, so that multiplying loses nothing; 2^64 divided by the golden ratio
)


@lru_cache(maxsize=2**20)  # about 150 MB when full
def _hash(word: str) -> int:
    return xxhash.xxh64_intdigest(word.encode())


def words(text: str) -> list[str]:
    """Return the words of `text`, in order."""
    return _WORD.findall(text.lower())


def runs(found: list[str], size: int) -> Hashes:
    """Return the hash of each run of `size` words, in order; none when there are fewer words."""
    hashes = np.fromiter(map(_hash, found), dtype=np.uint64, count=len(found))
    count = max(0, len(hashes) - size + 1)
    total = np.zeros(count, dtype=np.uint64)
    for offset in range(size):  # wraps around at 2^64, as it should
        total = total * np.uint64(_FACTOR) + hashes[offset : offset + count]
    return _mixed(total)


def shingles(text: str, size: int) -> Hashes:
    """Return the distinct hashes of the runs of `size` words of a text, sorted."""
    return np.unique(runs(words(text), size))


def jaccard(a: Hashes, b: Hashes) -> float:
    """Return the share of common elements of two sorted arrays without repeats."""
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)


def _mixed(values: Hashes) -> Hashes:
    """Return a bijection in which every bit depends on every other (MurmurHash3's finalizer)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
