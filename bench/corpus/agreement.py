"""What each tool removed, and whether it should have.

True is: the Jaccard similarity of the sets of 5-word shingles. For a sample of what a tool removed,
the most similar kept file is looked for among those that share one of 64 bands of 4 MinHash rows,
which misses a file of similarity .7 once in 4 * 10^7 times, and compared shingle by shingle. Words
are ours (as in The Stack v2), or datatrove's, which reads every number as 0, parts words at
underscores and keeps those of English apart ("cannot"); the last of these is left out here.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.corpus.planting import SHINGLE
from bench.corpus.tables import Planted, Sample, texts
from pipeline_steps.corpus.shingles import Hashes, jaccard, shingles
from pipeline_steps.corpus.sketch import Sketch

THRESHOLD = 0.7
BANDS, ROWS = 64, 4
SAMPLE = 1000  # removed files of a tool that are judged
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")

Cut = Callable[[str], Hashes]


def own_words(text: str) -> Hashes:
    """Return the shingles of a text by our words."""
    return shingles(text, SHINGLE)


def datatroves_words(text: str) -> Hashes:
    """Return the shingles of a text by datatrove's words."""
    return shingles(_NUMBER.sub("0", text.lower()).replace("_", " "), SHINGLE)


def recall(
    removed: Collection[str], planted: Iterable[Planted], least: float, below: float
) -> float:
    """Return the share of the pairs of a range of similarity of which one file was removed."""
    pairs = [pair for pair in planted if least <= pair.similarity < below]
    found = sum(pair.base in removed or pair.copy in removed for pair in pairs)
    return found / len(pairs) if pairs else 0.0


def agreement(one: Collection[str], other: Collection[str]) -> float:
    """Return the Jaccard similarity of two sets of removed files."""
    both = set(one) & set(other)
    return len(both) / max(1, len(set(one) | set(other)))


def sample(removed: Iterable[str], seed: int = 0) -> list[str]:
    """Draw the files that are judged, planted ones left out."""
    real = sorted(name for name in removed if not name.startswith("planted/"))
    return Random(seed).sample(real, min(SAMPLE, len(real)))


@dataclass(frozen=True)
class Bands:
    """Which files share a band with which, by one notion of words."""

    cut: Cut
    groups: Mapping[tuple[int, int], list[str]]
    keys: Mapping[str, list[int]]

    @classmethod
    def of(cls, files: Sample, cut: Cut) -> "Bands":
        """Cut every file into bands."""
        sketch = Sketch(BANDS, ROWS)
        groups: dict[tuple[int, int], list[str]] = defaultdict(list)
        keys: dict[str, list[int]] = {}
        for name, text in texts(files.tables):
            found = cut(text)
            if len(found):
                keys[name] = sketch.bands(found).tolist()
                for band in enumerate(keys[name]):
                    groups[band].append(name)
        return cls(cut, groups, keys)

    def near(self, name: str, kept: Collection[str]) -> set[str]:
        """Return the kept files that may be like a file."""
        bands = enumerate(self.keys.get(name, ()))
        return {other for band in bands for other in self.groups[band] if other in kept}


def best(files: Sample, bands: Bands, judged: Sequence[str], kept: Collection[str]) -> list[float]:
    """Return, for each judged file, its similarity to the kept file that is most like it."""
    near = {name: bands.near(name, kept) for name in judged}
    wanted = set(judged).union(*near.values()) if near else set()
    cut = {name: bands.cut(text) for name, text in texts(files.tables) if name in wanted}
    return [
        max((float(jaccard(cut[name], cut[other])) for other in near[name]), default=0.0)
        for name in judged
    ]


def below(similarities: Sequence[float]) -> float:
    """Return the share that is no near-duplicate of a kept file."""
    return float(np.mean([one < THRESHOLD for one in similarities])) if similarities else 0.0


def left(folder: Path) -> set[str]:
    """Return the ids of the files that a tool wrote, as Parquet or as Arrow streams."""
    names: set[str] = set()
    for path in sorted(folder.glob("*.parquet")):
        names.update(pq.read_table(path, columns=["id"])["id"].to_pylist())
    for path in sorted(folder.glob("*.arrow")):
        with pa.memory_map(str(path)) as source:
            names.update(pa.ipc.open_stream(source).read_all()["id"].to_pylist())
    return names
