"""One pass over a text that tells which rules of decontamination cannot find anything in it.

Nearly every file holds no problem, and to squeeze, cut and search it for each rule was 40 ns a
byte. This pass keeps two rolling hashes, of the last characters that are no white space and of the
last words, and looks them up among those of all problems. Where it says no, the rule would, with
one exception: a function's body is not seen where a comment breaks one of its two lines with most
names, since comments have words too.
"""

from collections.abc import Collection, Iterable, Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline_steps.corpus.shingles import FACTOR, LETTERS, PRIME, START, Hashes, mixed

Flags = NDArray[np.uint8]
Run = tuple[int, int]  # words, and the hash that shingles.runs gives of them
Sizes = NDArray[np.int64]

WINDOW = 32  # most characters of a needle that are compared
_FEWEST = 8  # characters: fewer are in nearly every text
_RING = 128  # words that are remembered: a power of two above the longest run that a spec may ask
_SLOTS = 32  # of a table for each hash that it holds
# What str.split takes for white space in ASCII -> 0, every other byte -> itself in lower case.
_SQUEEZED = np.array(
    [0 if chr(byte).isspace() else bytes([byte]).lower()[0] for byte in range(128)] + [0] * 128,
    dtype=np.uint8,
)


class Glance:
    """What all rules look for, in a form that one pass compares with."""

    def __init__(
        self,
        needles: Collection[str],
        bodies: Sequence[Sequence[Run]],
        ngrams: Iterable[tuple[int, Hashes]],
    ) -> None:
        """Prepare the pass.

        Args:
            needles: texts without white space and case, of which `whole` must find one.
            bodies: runs that a text has all of when `body` finds something, at most two each.
            ngrams: (words, hashes of runs): a text has one when `run` finds something.
        """
        # A text of ASCII holds no needle that is not; every other text is looked at by the rule.
        plain = [needle for needle in needles if needle.isascii()]
        self._size = min([WINDOW, *map(len, plain)])
        ends = (np.frombuffer(one[-self._size :].encode(), dtype=np.uint8) for one in plain)
        self._needles = _Table([np.array([_hash(end) for end in ends], dtype=np.uint64)])
        self._any, self._short = bool(needles), bool(plain) and self._size < _FEWEST
        lines = sorted({run for body in bodies for run in body})
        sizes = sorted({size for size, _ in lines})
        many = list(ngrams)
        self._sizes = np.array([*sizes, *(size for size, _ in many)], dtype=np.int64)
        own = [np.array([h for s, h in lines if s == size], dtype=np.uint64) for size in sizes]
        self._runs = _Table([*own, *(hashes for _, hashes in many)])
        self._lines = len(lines)
        place = {run: number for number, run in enumerate(lines)}
        self._bodies = np.array(
            [[place[run] for run in (*body, *body)][:2] for body in bodies if body], dtype=np.int64
        ).reshape(-1, 2)

    def at(self, text: str) -> set[str]:
        """Return the rules that may find something in a text."""
        data = np.frombuffer(text.encode(), dtype=np.uint8)
        found = np.zeros(len(self._runs.values), dtype=np.bool_)
        _words(data, LETTERS, self._sizes, *self._runs.parts, found)
        rules = {"run"} if found[self._lines :].any() else set()
        if found[self._bodies].all(axis=1).any():
            rules.add("body")
        if self._any and (self._short or not text.isascii() or self._has_needle(data)):
            rules.add("whole")
        return rules

    def _has_needle(self, data: Flags) -> bool:
        return bool(_squeezed(data, _SQUEEZED, self._size, *self._needles.parts))


class _Table:
    """Sets of hashes, sorted, and a table in which one look settles nearly every question."""

    def __init__(self, sets: Sequence[Hashes]) -> None:
        self.values = np.concatenate([np.empty(0, dtype=np.uint64), *map(np.sort, sets)])
        ends = np.cumsum([0, *map(len, sets)], dtype=np.int64)
        bits = max(16, (len(self.values) * _SLOTS).bit_length())
        shift = np.uint64(64 - bits)
        table = np.zeros(1 << bits, dtype=np.bool_)
        table[self.values >> shift] = True
        self.parts = (self.values, ends, table, shift)


@numba.njit(nogil=True, cache=True)
def _hash(data: Flags) -> np.uint64:
    """Return the polynomial of some bytes."""
    total = np.uint64(0)
    for byte in data:
        total = total * FACTOR + np.uint64(byte)
    return total


@numba.njit(nogil=True, cache=True)
def _place(value: np.uint64, values: Hashes, begin: int, end: int) -> int:
    """Return where a value stands among the sorted values between two places, -1 if it does not."""
    place, limit = begin, end
    while place < limit:
        middle = (place + limit) // 2
        if values[middle] < value:
            place = middle + 1
        else:
            limit = middle
    return place if place < end and values[place] == value else -1


@numba.njit(nogil=True, cache=True)
def _squeezed(
    data: Flags,
    kept: Flags,
    size: int,
    values: Hashes,
    ends: Sizes,
    table: NDArray[np.bool_],
    shift: np.uint64,
) -> bool:
    """Return whether the hash of `size` bytes that follow each other, but for space, is known."""
    last = np.zeros(size, dtype=np.uint64)
    top = np.uint64(1)  # the factor of the byte that leaves
    for _ in range(size):
        top *= FACTOR
    total, slot, count = np.uint64(0), 0, 0
    for position in range(len(data)):
        byte = np.uint64(kept[data[position]])
        if byte:
            total = total * FACTOR + byte - last[slot] * top
            last[slot] = byte
            slot = slot + 1 if slot + 1 < size else 0
            count += 1
            likely = count >= size and table[total >> shift]
            if likely and _place(total, values, 0, ends[1]) >= 0:
                return True
    return False


@numba.njit(nogil=True, cache=True)
def _words(
    data: Flags,
    letters: Flags,
    sizes: Sizes,
    values: Hashes,
    ends: Sizes,
    table: NDArray[np.bool_],
    shift: np.uint64,
    found: NDArray[np.bool_],
) -> None:
    """Set `found` for the values of set i that are hashes, as shingles', of sizes[i] words."""
    last = np.zeros(_RING, dtype=np.uint64)
    tops = np.ones(len(sizes), dtype=np.uint64)
    for group in range(len(sizes)):
        for _ in range(sizes[group]):
            tops[group] *= FACTOR
    totals = np.zeros(len(sizes), dtype=np.uint64)
    count, word, inside = 0, START, False
    for position in range(len(data) + 1):
        letter = letters[data[position]] if position < len(data) else np.uint8(0)
        if letter:
            word = (word ^ np.uint64(letter)) * PRIME
            inside = True
        elif inside:
            for group in range(len(sizes)):
                size = sizes[group]
                leaving = last[(count - size) & (_RING - 1)] if count >= size else np.uint64(0)
                totals[group] = totals[group] * FACTOR + word - leaving * tops[group]
                if count + 1 >= size:
                    run = mixed(totals[group])
                    if table[run >> shift]:
                        place = _place(run, values, ends[group], ends[group + 1])
                        if place >= 0:
                            found[place] = True
            last[count & (_RING - 1)] = word
            count += 1
            word, inside = START, False
