"""What can be counted in one pass over the bytes of a text: lines, letters, runs of encoded data.

The loop is compiled by numba; in Python, counting letters alone was a third of the screen's time.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_LETTER, _DIGIT, _SPACE, _REPLACEMENT = 1, 2, 3, 4
_ASSIGNED = 0x40000  # code point from which there is no letter, digit or space
# Fields of the loop's result, in order.
(
    _CHARACTERS, _LINES, _LONGEST, _LETTERS, _DIGITS, _SPACES, _REPLACED, _BREAKS, _BASE64,
    _BASE64_LONGEST, _HEX, _ESCAPES,
) = range(12)  # fmt: skip

# Runs of encoded data, as StarCoder2 looks for them (arXiv:2402.19173, section 3.1). Its third
# pattern, base64, is a run of at least 64 of these bytes, which the loop finds itself.
_BASE64_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\n="
_MIN_BASE64 = 64
_HEX_RUN = re.compile(rb"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}")
_HEX_BYTES = b"0123456789abcdefABCDEFx\\, \t\n\r\f\v"
_MIN_HEX = 16  # digits of eight bytes: with fewer in a run of such characters, no pattern can match
_ESCAPE_RUN = re.compile(rb"(?:\\u[0-9a-fA-F]{4}){8,}")
_MIN_ESCAPES = 8


@dataclass(frozen=True)
class Counts:
    """What a text is made of; lengths and amounts in characters, line ends apart from lines."""

    characters: int
    lines: int
    longest: int  # line
    breaks: int  # characters that end lines
    letters: int
    digits: int
    spaces: int  # white space of any kind
    replacements: int  # U+FFFD
    encoded: int  # characters of encoded data
    longest_encoded: int

    @property
    def mean_line(self) -> float:
        """Mean length of a line."""
        return (self.characters - self.breaks) / max(1, self.lines)

    def share(self, amount: int) -> float:
        """Return what share of the characters an amount is."""
        return amount / max(1, self.characters)


def count(content: bytes) -> Counts:
    """Return the counts of a text in UTF-8."""
    found = np.zeros(12, dtype=np.int64)
    _count(np.frombuffer(content, dtype=np.uint8), _kinds(), _classes(), found)
    runs = [] if found[_HEX] < _MIN_HEX else list(_hex_runs(content))
    if found[_ESCAPES] >= _MIN_ESCAPES:
        runs += [match.end() - match.start() for match in _ESCAPE_RUN.finditer(content)]
    return Counts(
        characters=int(found[_CHARACTERS]),
        lines=int(found[_LINES]),
        longest=int(found[_LONGEST]),
        breaks=int(found[_BREAKS]),
        letters=int(found[_LETTERS]),
        digits=int(found[_DIGITS]),
        spaces=int(found[_SPACES]),
        replacements=int(found[_REPLACED]),
        encoded=int(found[_BASE64]) + sum(runs),
        longest_encoded=max([int(found[_BASE64_LONGEST]), *runs]),
    )


def _hex_runs(content: bytes) -> Iterator[int]:
    """Yield the lengths of runs of hex bytes, looked for where the loop saw enough digits."""
    places = np.empty((len(content) // _MIN_HEX, 2), dtype=np.int64)
    count = _digits(np.frombuffer(content, dtype=np.uint8), _classes(), places)
    for start, end in places[:count].tolist():
        # One byte more, by which the pattern sees that a word goes on.
        for match in _HEX_RUN.finditer(content, start, end + 1):
            yield match.end() - match.start()


@lru_cache(maxsize=1)
def _kinds() -> Bytes:
    """Return code point -> what kind of character it is, by Unicode's categories."""
    kinds = np.zeros(0x110000, dtype=np.uint8)
    for code in range(_ASSIGNED):
        letter = chr(code)
        category = unicodedata.category(letter)
        if category[0] == "L":
            kinds[code] = _LETTER
        elif category == "Nd":
            kinds[code] = _DIGIT
        elif letter.isspace():
            kinds[code] = _SPACE
    kinds[0xFFFD] = _REPLACEMENT
    return kinds


@lru_cache(maxsize=1)
def _classes() -> Bytes:
    """Return byte -> 1 where base64 has it, + 2 where a run of hex bytes has it, + 4 for digits."""
    table = np.zeros(256, dtype=np.uint8)
    for bit, members in ((1, _BASE64_BYTES), (2, _HEX_BYTES), (4, b"0123456789abcdefABCDEF")):
        for byte in members:
            table[byte] |= bit
    return table


@numba.njit(nogil=True, cache=True)
def _digits(data: Bytes, classes: Bytes, out: NDArray[np.int64]) -> int:
    """Fill `out` with the places of runs of hex bytes with enough digits; return how many."""
    count = begin = digits = 0
    for position in range(len(data) + 1):
        flags = int(classes[data[position]]) if position < len(data) else 0
        if flags & 2:
            digits += (flags >> 2) & 1
        else:
            if digits >= _MIN_HEX:
                out[count, 0], out[count, 1] = begin, position
                count += 1
            begin, digits = position + 1, 0
    return count


@numba.njit(nogil=True, cache=True)
def _count(data: Bytes, kinds: Bytes, classes: Bytes, out: NDArray[np.int64]) -> None:
    """Fill `out`; the text is valid UTF-8.

    Runs are counted without branches, which a processor would guess wrongly at every word.
    """
    letters = numbers = spaces = replaced = characters = 0
    lines = longest = breaks = line = 0
    base64 = base64_all = base64_longest = digits = most_digits = escapes = 0
    code, missing, last = 0, 0, 0
    for position in range(len(data)):
        byte = int(data[position])
        flags = int(classes[byte])
        base64 = (base64 + 1) * (flags & 1)
        base64_all += (base64 == _MIN_BASE64) * _MIN_BASE64 + (base64 > _MIN_BASE64)
        base64_longest = max(base64_longest, base64)
        digits = (digits + (flags >> 2 & 1)) * (flags >> 1 & 1)
        most_digits = max(most_digits, digits)
        escapes += (byte == 0x75) & (last == 0x5C)  # \u
        before, last = last, byte
        if byte < 0x80:
            code = byte
        elif byte & 0xC0 == 0x80:
            code, missing = (code << 6) | (byte & 0x3F), missing - 1
            if missing:
                continue
        else:
            missing = 1 + (byte >= 0xE0) + (byte >= 0xF0)
            code = byte & (0x3F >> missing)
            continue
        kind = kinds[code]
        characters += 1
        letters += kind == _LETTER
        numbers += kind == _DIGIT
        spaces += kind == _SPACE
        replaced += kind == _REPLACEMENT
        if code == 0x0A or code == 0x0D:
            breaks += 1
            if code == 0x0D or before != 0x0D:
                lines += 1
                longest = max(longest, line)
            line = 0
        else:
            line += 1
    if line:
        lines += 1
        longest = max(longest, line)
    out[_CHARACTERS], out[_LINES], out[_LONGEST], out[_BREAKS] = characters, lines, longest, breaks
    out[_LETTERS], out[_DIGITS], out[_SPACES], out[_REPLACED] = letters, numbers, spaces, replaced
    out[_BASE64], out[_BASE64_LONGEST] = (
        base64_all,
        base64_longest * (base64_longest >= _MIN_BASE64),
    )
    out[_HEX], out[_ESCAPES] = most_digits, escapes
