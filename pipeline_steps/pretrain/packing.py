"""Pack chunks into rows of one length, with almost no padding (best-fit packing, 2404.10830).

A row begins with the longest chunk that is left. Then comes, each time, the longest chunk after
which the rest of the row can still be filled exactly by the lengths that are left; where none can,
the longest that fits, as in best-fit. Plain best-fit leaves 1.4 % of padding when most documents
are short and alike (four of 60 tokens in a row of 256), and a third when it packs a stream as it
comes: hence a whole segment is packed at once. No chunk is cut to fill a row.

Sets of lengths are bits of an integer: bit n stands for n tokens.
"""

from collections import defaultdict
from collections.abc import Iterable

PATIENCE = 64  # the sums are computed anew when one in so many of the lengths has run out


def best_fit(lengths: Iterable[int], capacity: int) -> list[list[int]]:
    """Return rows, each a list of indices into `lengths` whose sum is at most `capacity`.

    Args:
        lengths: tokens of each chunk, from 1 to `capacity`.
        capacity: tokens of a row.
    """
    chunks: defaultdict[int, list[int]] = defaultdict(list)
    for index, length in enumerate(lengths):
        chunks[length].append(index)
    rows: list[list[int]] = []
    while chunks:
        left, kinds = _bits(chunks), len(chunks)
        sums = _sums(chunks, capacity)
        while chunks and kinds - len(chunks) <= kinds // PATIENCE:
            row, left = _row(chunks, left, sums, capacity)
            rows.append(row)
    return rows


def _row(
    chunks: dict[int, list[int]], left: int, sums: int, capacity: int
) -> tuple[list[int], int]:
    """Take a row's chunks; return it, and the lengths that are left."""
    row, space, length = [], capacity, left.bit_length() - 1
    while length > 0:
        row.append(chunks[length].pop())
        space -= length
        if not chunks[length]:
            del chunks[length]
            left ^= 1 << length
        length = _next(left, sums, space)
    return row, left


def _next(left: int, sums: int, space: int) -> int:
    """Return the longest length after which the rest can be filled, else that fits, else -1."""
    fits = left & ((2 << space) - 1)
    options = fits
    while options:
        length = options.bit_length() - 1
        if sums >> (space - length) & 1:
            return length
        options ^= 1 << length
    return fits.bit_length() - 1


def _sums(lengths: Iterable[int], capacity: int) -> int:
    """Return all sums, up to `capacity`, of any number of the lengths, repeated at will."""
    mask, sums = (2 << capacity) - 1, 1
    for length in lengths:
        shift = length
        while shift <= capacity:  # doubling: after n rounds, up to 2**n - 1 times this length
            sums |= sums << shift & mask
            shift *= 2
    return sums


def _bits(lengths: Iterable[int]) -> int:
    return sum(1 << length for length in lengths)
