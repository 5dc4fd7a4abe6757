"""Near-duplicates of the whole corpus: groups of files that share a band, then the true similarity.

Only the shingles of candidates are cut, into files of their own, and only those of one batch are
held. So memory depends neither on how large the corpus is nor on how many of its files are alike;
a cluster that is larger than a batch has its shingles in a file that is mapped into memory.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_steps.corpus import meter, near
from pipeline_steps.corpus.alike import Alike
from pipeline_steps.corpus.context import Context
from pipeline_steps.corpus.near import Numbers
from pipeline_steps.corpus.shingles import Hashes, shingles
from pipeline_steps.corpus.study import read_rows
from pipeline_steps.errors import StepFailed

HELD = 256 * 2**20  # bytes of a batch
WIDTH = 8  # bytes of a shingle's hash
GROUP = 24  # bytes that are held for a file's place in a group


def cut(context: Context, task: dict[str, Any]) -> None:
    """Write the shingles of a partition's candidates, and behind all how many each has.

    Args:
        context: of the stage.
        task: the parts `texts`, and `shingles` that is made; `rows` of the candidates.
    """

    def write(drafts: list[Path]) -> None:
        texts, counts = context.parts.there(task["texts"]), []
        with drafts[0].open("wb") as out:
            for _, text in read_rows(texts, task["rows"]):
                found = shingles(text, context.spec.dedup.near.shingle)
                found.tofile(out)
                counts.append(len(found))
                meter.lap("near-dedup", len(text))
            np.array(counts, dtype=np.int64).tofile(out)

    context.parts.make((task["shingles"],), write)


class Shingles:
    """Where the shingles of each candidate are."""

    def __init__(
        self, documents: Numbers, parts: Iterable[tuple[Numbers, Path]], scratch: Path
    ) -> None:
        """Look up how many there are.

        Args:
            documents: all candidates, in order.
            parts: documents of a partition, and the file that `cut` made for them.
            scratch: folder for what does not fit into memory.
        """
        self._documents, self._scratch = documents, scratch
        self._files: list[Path] = []
        self._file = np.zeros(len(documents), dtype=np.int32)
        self._begin = np.zeros(len(documents), dtype=np.int64)
        self.counts = np.zeros(len(documents), dtype=np.int64)
        for mine, path in parts:
            counts = np.fromfile(path, np.int64, offset=path.stat().st_size - 8 * len(mine))
            places = np.searchsorted(documents, mine)
            self._file[places] = len(self._files)
            self._begin[places] = np.cumsum(counts) - counts
            self.counts[places] = counts
            self._files.append(path)

    def of(self, documents: Numbers) -> tuple[Hashes, Numbers]:
        """Return the shingles of some candidates, and where each one's begin and the last's end."""
        places = np.searchsorted(self._documents, documents)
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.counts[places])])
        found, files = self._room(int(offsets[-1])), self._file[places]
        for number, ones in groupby(np.argsort(files, kind="stable"), files.__getitem__):
            with self._files[number].open("rb", buffering=0) as file:
                for one in ones:
                    file.seek(WIDTH * int(self._begin[places[one]]))
                    wanted = found[offsets[one] : offsets[one + 1]]
                    if file.readinto(wanted.data) != wanted.nbytes:
                        raise StepFailed(f"{self._files[number].name} is cut short")
        return found, offsets

    def _room(self, count: int) -> Hashes:
        if WIDTH * count <= 2 * HELD:
            return np.empty(count, dtype=np.uint64)
        with TemporaryFile(dir=self._scratch) as file:  # which the map keeps
            return np.memmap(file, dtype=np.uint64, mode="w+", shape=count)


def copies(
    alike: Alike, found: Shingles, bands: int, threshold: float
) -> Iterator[tuple[Numbers, Numbers, NDArray[np.float64]]]:
    """Yield the documents that are copies, what each is a copy of, and how similar they are.

    Args:
        alike: the candidates.
        found: their shingles.
        bands: groups that a file may be in.
        threshold: smallest Jaccard similarity of a copy.
    """
    sizes = WIDTH * found.counts + GROUP * bands
    for documents, groups in alike.batches(sizes, HELD):
        result = near.resolve(groups, *found.of(documents), threshold)
        copied = result.of >= 0
        yield documents[copied], documents[result.of[copied]], result.similarity[copied]
