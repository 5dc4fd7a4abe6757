"""The order of files inside a repository: what a file needs comes before it.

The idea is DeepSeek-Coder's (arXiv:2401.14196, algorithm 1); what it leaves open is fixed here:

- What is no code comes first: READMEs, prose, then data and build files; each by path.
- Files come by path, each right after those files it needs that were not placed yet. So files
  that need each other stand close, and one that needs nothing stays among its neighbours.
- Where files need each other in a circle, few of those needs are given up (graphs.Circle). The
  paper's rule, always the file with fewest needs unplaced, loses more: in the 2,860 files of
  transformers it places 82 % of the pairs rightly, this rule 99 %, and four times as many pairs
  stand within 128 KB of each other.
- Paths are compared folder by folder. Nothing depends on the order in which files are given.
"""

from collections.abc import Sequence
from hashlib import sha256

import enry

from pipeline_steps.corpus.graphs import sequence
from pipeline_steps.corpus.places import segments
from pipeline_steps.corpus.repository import File
from pipeline_steps.corpus.resolve import graph

# Programs to linguist, and read before the code that they build; and the other way round.
BUILD = frozenset({"CMake", "Dockerfile", "Just", "Makefile", "Meson", "Starlark"})
DATA_THAT_IS_CODE = frozenset({"GraphQL", "SQL"})
CODE = 3  # the last rank


def arrange(files: Sequence[File], by: str = "imports", seed: int = 0) -> list[int]:
    """Return the places of the files in the order in which they should be read.

    Args:
        files: of one repository, in any order; paths differ.
        by: imports, path or random.
        seed: of a random order.
    """
    if by == "random":
        return sorted(range(len(files)), key=lambda place: _drawn(seed, files[place].path))
    order = by_path(files)
    if by == "path":
        return order
    ranks = [rank(files[place]) for place in order]
    first = [place for place in range(len(order)) if ranks[place] < CODE]
    after = sequence(graph([files[place] for place in order]))
    first.sort(key=ranks.__getitem__)
    first += [place for place in after if place < len(order) and ranks[place] == CODE]
    return [order[place] for place in first]


def by_path(files: Sequence[File]) -> list[int]:
    """Return the places of the files, sorted folder by folder."""
    return sorted(range(len(files)), key=lambda place: segments(files[place].path))


def rank(file: File) -> int:
    """Return 0 for a README, 1 for prose, 2 for data and build files, 3 for code."""
    name = file.path.rpartition("/")[2].lower()
    kind = enry.get_language_type(file.language)
    if name.startswith("readme"):
        return 0
    if kind == "prose":
        return 1
    if file.language in BUILD or (kind == "data" and file.language not in DATA_THAT_IS_CODE):
        return 2
    return CODE


def _drawn(seed: int, path: str) -> bytes:
    return sha256(f"{seed}\0{path}".encode()).digest()
