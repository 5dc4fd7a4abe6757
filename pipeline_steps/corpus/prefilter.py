"""Find where the hints of many rules occur in a text, in one pass: most texts have none.

So rules are only tried where a hint of theirs was found. Measured on 78 MB of sources: 60 words
400 MB/s, 200 words of which many are short 200 MB/s; YARA-X 240 and 78. pyahocorasick,
`word in text` and one regular expression of alternatives are slower than either.
"""

from collections.abc import Iterable, Iterator

import numba
import numpy as np
from numpy.typing import NDArray

Window = tuple[int, int]
Hits = dict[str, list[int]]  # word -> where it begins
Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int32]

_SLOTS = 2**15  # a slot for three letters, of which each has five bits
_EXPECTED = 256  # hits in a text; where there are more, it is gone through again
_LOWER = np.array([ord(chr(byte).lower()) if byte < 128 else byte for byte in range(256)], np.uint8)


class Prefilter:
    """Words that are looked for without regard to case."""

    def __init__(self, words: Iterable[str]) -> None:
        """Sort the words, each of at least two characters of ASCII, by what they begin with."""
        self._words = sorted({word.lower() for word in words})
        spelled = [word.encode("ascii") for word in self._words]
        slots: list[list[int]] = [[] for _ in range(_SLOTS)]
        for number, word in enumerate(spelled):
            thirds = range(256) if len(word) == 2 else word[2:3]
            for slot in {_slot(word[0], word[1], third) for third in thirds}:
                slots[slot].append(number)
        self._tables = (
            np.array([bool(slot) for slot in slots]),
            np.cumsum([0, *map(len, slots)], dtype=np.int32),
            np.array([number for slot in slots for number in slot], dtype=np.int32),
            np.frombuffer(b"".join(spelled), dtype=np.uint8),
            np.cumsum([0, *map(len, spelled)], dtype=np.int32),
        )

    def find(self, text: str) -> Hits:
        """Return the characters of `text` at which each word begins, by word."""
        data = text.encode("utf-8", "surrogatepass")
        found = self.find_bytes(data)
        return found if len(data) == len(text) else _in_characters(found, data)

    def find_bytes(self, data: bytes) -> Hits:
        """Return the bytes at which each word begins, by word; words without any are left out."""
        whole, room = np.frombuffer(data, dtype=np.uint8), _EXPECTED
        while True:
            out = np.empty((room, 2), dtype=np.int32)
            count = _find(whole, _LOWER, *self._tables, out)
            if count <= room:
                break
            room = count
        found: Hits = {}
        for number, place in out[:count].tolist():
            found.setdefault(self._words[number], []).append(place)
        return found


@numba.njit(nogil=True, cache=True)
def _slot(first: int, second: int, third: int) -> int:
    return ((first << 10) ^ (second << 5) ^ third) & (_SLOTS - 1)


@numba.njit(nogil=True, cache=True)
def _find(
    data: Bytes,
    lower: Bytes,
    used: NDArray[np.bool_],
    begins: Numbers,
    members: Numbers,
    letters: Bytes,
    starts: Numbers,
    out: NDArray[np.int32],
) -> int:
    """Fill `out` with (word, place) as far as it goes; return how many there are.

    Args:
        data: to look through.
        lower: byte -> the byte in lower case.
        used: slot -> whether it has words.
        begins: slot -> where its words begin in `members`; the end of the last.
        members: numbers of words.
        letters: of all words, one after another.
        starts: word -> where it begins in `letters`; the end of the last.
        out: rows of (word, place).
    """
    count = 0
    first, second = 0, int(lower[data[0]]) if len(data) else 0
    for place in range(len(data) - 1):
        first, second = second, int(lower[data[place + 1]])
        third = int(lower[data[place + 2]]) if place + 2 < len(data) else 0
        slot = _slot(first, second, third)
        if not used[slot]:
            continue
        for member in range(begins[slot], begins[slot + 1]):
            word = members[member]
            start, size = starts[word], starts[word + 1] - starts[word]
            if place + size > len(data):
                continue
            same = 0
            while same < size and lower[data[place + same]] == letters[start + same]:
                same += 1
            if same == size:
                if count < len(out):
                    out[count, 0], out[count, 1] = word, place
                count += 1
    return count


def _in_characters(found: Hits, data: bytes) -> Hits:
    """Turn offsets in bytes into offsets in characters, in one pass."""
    place, characters, position = {}, 0, 0
    for offset in sorted({one for offsets in found.values() for one in offsets}):
        characters += len(data[position:offset].decode("utf-8", "surrogatepass"))
        place[offset] = characters
        position = offset
    return {word: [place[one] for one in offsets] for word, offsets in found.items()}


def windows(offsets: Iterable[int], before: int, after: int, length: int) -> Iterator[Window]:
    """Yield the stretches of a text of `length` around offsets, joined where they overlap."""
    start = end = -1
    for offset in sorted(offsets):
        if end < 0 or offset - before > end:
            if end >= 0:
                yield start, end
            start = max(0, offset - before)
        end = min(length, offset + after)
    if end >= 0:
        yield start, end
