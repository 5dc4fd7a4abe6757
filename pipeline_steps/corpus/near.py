"""Which files are near-duplicates of a kept one, decided by the true Jaccard similarity.

Files come in the order of the keep rule. A file is compared with the kept files of its groups (a
group: the files that share one band's key), and dropped when one reaches the threshold. Only kept
files are compared with, so chains of similar files do not collapse into one, and no file is removed
for a likeness to one that is itself removed. The result depends on the order of the files alone.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline_steps.corpus.shingles import Hashes, jaccard

Numbers = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Groups:
    """Files that share a band's key. Files are numbered in the order of the keep rule.

    Attributes:
        files: each file as often as it is in a group, in order.
        group: of each of `files`, the number of the group, from 0.
    """

    files: Numbers
    group: Numbers


@dataclass(frozen=True)
class Copies:
    """What was found, one entry for each of the files."""

    of: Numbers  # the file that it is a copy of, -1 when it is kept
    similarity: NDArray[np.float64]


class Clusters:
    """Files that are joined by what they share, directly or by way of others (union-find)."""

    def __init__(self, count: int) -> None:
        """Begin with `count` files, each alone; four bytes a file are held."""
        self._parent = np.arange(count, dtype=np.int32)
        self._joined = np.zeros(count, dtype=np.bool_)

    def join(self, some: Numbers, others: Numbers) -> None:
        """Join each of some files with the other at its place."""
        _join(self._parent, some, others)
        self._joined[some] = self._joined[others] = True

    def members(self) -> Numbers:
        """Return the files that are not alone, in order."""
        return np.flatnonzero(self._joined)

    def of(self, files: Numbers) -> Numbers:
        """Return the first file of the cluster of each file."""
        return _roots(self._parent, files)


def batches(clusters: Numbers, sizes: Numbers, most: int) -> Numbers:
    """Return the batch of each file: clusters stay whole, and fill batches of `most` bytes.

    Args:
        clusters: of each file.
        sizes: bytes of each file.
        most: bytes; a cluster that is larger is a batch with what is left of the one before.
    """
    order = np.argsort(clusters, kind="stable")
    _, begins, counts = np.unique(clusters[order], return_index=True, return_counts=True)
    before = np.cumsum(sizes[order]) - sizes[order]
    found = np.empty(len(clusters), dtype=np.int64)
    found[order] = np.repeat(before[begins] // most, counts)
    return found


def resolve(groups: Groups, shingles: Hashes, offsets: Numbers, threshold: float) -> Copies:
    """Return which files are copies.

    Args:
        groups: of the files 0, 1, 2 ...
        shingles: of all files, one after another; each sorted and without repeats.
        offsets: where each file's shingles begin, and the end of the last.
        threshold: smallest Jaccard similarity of a copy.
    """
    begins = np.searchsorted(groups.files, np.arange(len(offsets)))
    number = int(groups.group.max()) + 1 if len(groups.group) else 0
    room = np.bincount(groups.group, minlength=number)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(room)])
    of, similarity = _resolve(groups.group, begins, starts, shingles, offsets, threshold)
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
    kept, used = np.empty(starts[-1], dtype=np.int32), np.zeros(len(starts) - 1, dtype=np.int64)
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
    # Sets of such different sizes cannot be that similar. A quotient is rounded as theirs is; a
    # product is not, and 0.55 * 100 is above 55.
    if min(len(a), len(b)) / max(len(a), len(b)) < threshold:
        return 0.0
    return jaccard(a, b)


@numba.njit(nogil=True, cache=True)
def _join(parent: Numbers, some: Numbers, others: Numbers) -> None:
    for place in range(len(some)):
        a, b = _root(parent, some[place]), _root(parent, others[place])
        parent[max(a, b)] = min(a, b)


@numba.njit(nogil=True, cache=True)
def _roots(parent: Numbers, files: Numbers) -> Numbers:
    found = np.empty(len(files), dtype=np.int64)
    for place in range(len(files)):
        found[place] = _root(parent, files[place])
    return found


@numba.njit(nogil=True, cache=True)
def _root(parent: Numbers, file: int) -> int:
    """Return the first file of a cluster, and halve the way to it."""
    while parent[file] != file:
        parent[file] = parent[parent[file]]
        file = parent[file]
    return file
