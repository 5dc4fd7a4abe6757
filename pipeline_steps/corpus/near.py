"""Which files are near-duplicates of a kept one, decided by the true Jaccard similarity.

Files come in the order of the keep rule. A file is compared with the kept files of its groups (a
group: the files that share one band's key), and dropped when one reaches the threshold. Only kept
files are compared with, so chains of similar files do not collapse into one, and no file is removed
for a likeness to one that is itself removed. The result depends on the order of the files alone.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline_steps.corpus.shingles import Hashes, jaccard

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Files that share a band's key. Files are numbered in the order of the keep rule.

    Attributes:
        files: the files of the first group, then those of the second ...
        group: of each of `files`, the number of its group.
    """

    files: Numbers
    group: Numbers


@dataclass(frozen=True)
class Copies:
    """What was found, one entry for each of the files."""

    of: Numbers  # the file that it is a copy of, -1 when it is kept
    similarity: NDArray[np.float64]


def candidates(groups: Groups) -> Numbers:
    """Return the files that share a key with another, in order."""
    return np.unique(groups.files)


def resolve(groups: Groups, shingles: Hashes, offsets: Numbers, threshold: float) -> Copies:
    """Return which candidates are copies.

    Args:
        groups: with files as positions among the candidates.
        shingles: of all candidates, one after another; each sorted and without repeats.
        offsets: where each candidate's shingles begin, and the end of the last.
        threshold: smallest Jaccard similarity of a copy.
    """
    order = np.lexsort((groups.group, groups.files))
    mine = groups.group[order]
    begins = np.searchsorted(groups.files[order], np.arange(len(offsets)))
    number = int(groups.group.max()) + 1 if len(groups.group) else 0
    room = np.bincount(groups.group, minlength=number)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(room)])
    of, similarity = _resolve(mine, begins, starts, shingles, offsets, threshold)
    return Copies(of, similarity)


@numba.njit(nogil=True, cache=True)
def _resolve(
    mine: Numbers,
    begins: Numbers,
    starts: Numbers,
    shingles: Hashes,
    offsets: Numbers,
    threshold: float,
) -> tuple[Numbers, NDArray[np.float64]]:
    """Walk through the files; `kept` holds, from starts[g] on, the kept files of group g."""
    count = len(offsets) - 1
    of, similarity = np.full(count, -1, dtype=np.int64), np.zeros(count)
    kept, used = np.empty(starts[-1], dtype=np.int64), np.zeros(len(starts) - 1, dtype=np.int64)
    asked = np.full(count, -1, dtype=np.int64)  # the last file that was compared with this one
    for file in range(count):
        own = shingles[offsets[file] : offsets[file + 1]]
        best = np.int64(count)
        for group in mine[begins[file] : begins[file + 1]]:
            for other in kept[starts[group] : starts[group] + used[group]]:
                if other >= best:
                    break  # kept files of a group are in order
                if asked[other] == file:
                    continue
                asked[other] = file
                theirs = shingles[offsets[other] : offsets[other + 1]]
                found = _similarity(own, theirs, threshold)
                if found >= threshold:
                    best, of[file], similarity[file] = other, other, found
                    break
        if of[file] < 0:
            for group in mine[begins[file] : begins[file + 1]]:
                kept[starts[group] + used[group]] = file
                used[group] += 1
    return of, similarity


@numba.njit(nogil=True, cache=True)
def _similarity(a: Hashes, b: Hashes, threshold: float) -> float:
    if min(len(a), len(b)) < threshold * max(len(a), len(b)):
        return 0.0  # sets of such different sizes cannot be that similar
    return jaccard(a, b)
