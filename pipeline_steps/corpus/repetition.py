"""How much of a text says the same again: lines, and runs of words (RedPajama's measures).

A word is what it is for shingles; a share is one of the words' characters, so that repeating a long
word weighs more. OpenCoder (arXiv:2411.04905) takes its bounds on these measures.
"""

from collections import Counter
from functools import cached_property

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline_steps.corpus.shingles import LETTERS, runs

Numbers = NDArray[np.int64]


class Words:
    """The words of a text."""

    def __init__(self, text: str, content: bytes) -> None:
        self._text = text
        self._lengths = np.empty(len(content) // 2 + 1, dtype=np.int64)
        data = np.frombuffer(content, dtype=np.uint8)
        self._lengths = self._lengths[: _cut(data, LETTERS, self._lengths)]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._lengths)

    @property
    def mean_length(self) -> float:
        """Characters of a word, on average."""
        return float(self._lengths.mean()) if self.count else 0.0

    @cached_property
    def unique_share(self) -> float:
        """How many are different, as a share of all."""
        return len(np.unique(runs(self._text, 1))) / max(1, self.count)

    def top_share(self, size: int) -> float:
        """Return the share of characters in the most frequent run of `size` words that repeats."""
        if self.count < size:
            return 0.0
        _, first, counts = np.unique(runs(self._text, size), return_index=True, return_counts=True)
        best = int(counts.argmax())
        if counts[best] < 2:
            return 0.0
        once = self._lengths[first[best] : first[best] + size].sum()
        return min(1.0, float(once * counts[best] / self._lengths.sum()))

    def duplicate_share(self, size: int) -> float:
        """Return the share of characters in runs of `size` words that occur more than once."""
        if self.count < size:
            return 0.0
        _, number, counts = np.unique(
            runs(self._text, size), return_inverse=True, return_counts=True
        )
        repeated = (counts[number] > 1).astype(np.int64)
        covered = np.convolve(repeated, np.ones(size, dtype=np.int64)) > 0
        return float(self._lengths[covered].sum() / self._lengths.sum())


def duplicate_lines(text: str) -> float:
    """Return the share of lines that occur more than once; white space and lone signs aside."""
    lines = Counter("".join(line.split()) for line in text.splitlines() if line.strip())
    total = sum(lines.values())
    again = sum(n for line, n in lines.items() if n > 1 and len(line) > 1 and line != "},")
    return again / total if total else 0.0


@numba.njit(nogil=True, cache=True)
def _cut(data: NDArray[np.uint8], letters: NDArray[np.uint8], out: Numbers) -> int:
    """Fill `out` with the length of each word, in characters; return how many there are."""
    count = length = 0
    for position in range(len(data) + 1):
        letter = letters[data[position]] if position < len(data) else np.uint8(0)
        if letter:
            length += letter & 0xC0 != 0x80  # the later bytes of a character in UTF-8
        elif length:
            out[count] = length
            count += 1
            length = 0
    return count
