"""Best-fit packing (arXiv:2404.10830): chunks into rows of one length, with almost no padding.

Longest first, each chunk goes into the fullest row that has room for it. No document is cut to fill
a row. Packing a whole segment at once is what makes rows full: best-fit on a stream of documents as
they come leaves a third of the tokens as padding.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def best_fit(lengths: Sequence[int] | NDArray[np.int64], capacity: int) -> list[list[int]]:
    """Return rows, each a list of indices into `lengths` whose sum is at most `capacity`.

    Args:
        lengths: tokens of each chunk, from 1 to `capacity`.
        capacity: tokens of a row.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    rows: list[list[int]] = []
    open_rows: list[list[int]] = [[] for _ in range(capacity + 1)]  # by the space that is left
    spaces = 0  # bit s is set while a row with s tokens of space is open
    for index in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[index])
        roomy = spaces >> size
        space = capacity if not roomy else size + (roomy & -roomy).bit_length() - 1
        row = _taken(open_rows, space, rows)
        if roomy and not open_rows[space]:
            spaces &= ~(1 << space)
        rows[row].append(index)
        if space > size:
            open_rows[space - size].append(row)
            spaces |= 1 << (space - size)
    return rows


def _taken(open_rows: list[list[int]], space: int, rows: list[list[int]]) -> int:
    """Return an open row with `space` tokens left, or a new one."""
    if open_rows[space]:
        return open_rows[space].pop()
    rows.append([])
    return len(rows) - 1
