"""Which part of the input a sample is: drawn when it is listed, before anything large is read.

An item is drawn by the hash of seed, source and name, so a larger sample holds every smaller one,
and other sources or repositories change nothing for one. Where an item is a repository (archives,
files, git), that is a share of the repositories. A table's repositories are known only once it is
read, so of tables it is a share of what is read at once: row groups, objects, parts of a dataset.
"""

from collections.abc import Sequence
from hashlib import sha256

from pipeline_steps.corpus.partitions import Item


def drawn(items: Sequence[Item], fraction: float, seed: int) -> list[Item]:
    """Return the items of a sample; at least one, the next that a larger sample would have."""
    places = [_place(item, seed) for item in items]
    most = max(fraction, min(places, default=0.0))
    return [item for item, place in zip(items, places, strict=True) if place <= most]


def _place(item: Item, seed: int) -> float:
    """Return a number between 0 and 1 that is as good as drawn by lot."""
    name = f"sample\0{seed}\0{item.source}\0{item.repository}\0{item.part}"
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") / 2**64
