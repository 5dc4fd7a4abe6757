"""Word n-grams of a text as 64-bit numbers: for near-duplicates, and for contamination.

A word is a run of letters, digits and underscores in lower case, as in The Stack v2; bytes from 128
on, of which UTF-8 makes every other script, count as letters. The loops over bytes are compiled by
numba: in Python, cutting words was ten times the cost of everything that followed.
"""

import re
from typing import cast

import numba
import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")
_FIRST = np.ones(1, dtype=np.bool_)
START, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # of FNV-1a
FACTOR = np.uint64(
    0x9E3779B97F4A7C15  # odd, so that multiplying loses nothing; 2^64 divided by the golden ratio
)


def _letters() -> NDArray[np.uint8]:
    """Return byte -> the byte in lower case, 0 where it belongs to no word."""
    table = np.zeros(256, dtype=np.uint8)
    for byte in range(256):
        if _WORD.match(bytes([byte])):
            table[byte] = bytes([byte]).lower()[0]
    return table


LETTERS = _letters()


def words(text: str) -> list[bytes]:
    """Return the words of `text`, in order."""
    return _WORD.findall(text.encode().lower())


def runs(text: str, size: int) -> Hashes:
    """Return the hash of each run of `size` words, in order; none when there are fewer words."""
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    out = np.empty(len(data) // 2 + 1, dtype=np.uint64)  # a word and what ends it are two bytes
    count = int(_runs(data, LETTERS, size, out))
    return out[:count]


def shingles(text: str, size: int) -> Hashes:
    """Return the distinct hashes of the runs of `size` words of a text, sorted."""
    found = np.sort(runs(text, size))
    new = np.concatenate([_FIRST, found[1:] != found[:-1]])[: len(found)]
    return cast(Hashes, found[new])


@numba.njit(nogil=True, cache=True)
def common(a: Hashes, b: Hashes) -> int:
    """Return the number of elements that two sorted arrays without repeats share."""
    i = j = found = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            found += 1
        here, there = a[i], b[j]
        i += here <= there
        j += there <= here
    return found


@numba.njit(nogil=True, cache=True)
def jaccard(a: Hashes, b: Hashes) -> float:
    """Return the share of common elements of two sorted arrays without repeats."""
    shared = common(a, b)
    return shared / (len(a) + len(b) - shared)


@numba.njit(nogil=True, cache=True)
def _runs(data: NDArray[np.uint8], letters: NDArray[np.uint8], size: int, out: Hashes) -> int:
    """Fill `out` with a rolling polynomial of the last `size` words' hashes; return how many."""
    last = np.zeros(size, dtype=np.uint64)
    top = np.uint64(1)  # the factor of the word that leaves the run
    for _ in range(size):
        top *= FACTOR
    count = filled = 0
    total, word, inside = np.uint64(0), START, False
    for position in range(len(data) + 1):
        letter = letters[data[position]] if position < len(data) else np.uint8(0)
        if letter:
            word = (word ^ np.uint64(letter)) * PRIME
            inside = True
        elif inside:
            slot = count % size
            total = total * FACTOR + word - last[slot] * top  # zeros leave while it fills
            last[slot] = word
            count += 1
            if count >= size:
                out[filled] = mixed(total)
                filled += 1
            word, inside = START, False
    return filled


@numba.njit(nogil=True, cache=True)
def mixed(value: np.uint64) -> np.uint64:
    """Return a bijection in which every bit depends on every other (MurmurHash3's finalizer)."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))
