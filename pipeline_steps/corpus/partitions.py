"""How the input is cut into partitions: the units in which the stages work, resume and are reused.

A repository belongs to a partition by the hash of its name. So a partition's files do not depend on
how many workers there are, a repository that is added or changed touches one partition alone, and a
shard of the corpus is no alphabetical slice of it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

TARGET = 32 * 2**20  # bytes of archives in a partition, about 150 MB of text
FEWEST = 8  # partitions, so that a small corpus keeps a few cores busy
MOST = 2**16


@dataclass(frozen=True)
class Item:
    """What is read at once: an object of the bucket, a part of one, or a repository elsewhere."""

    source: str
    priority: int  # of its source: the first that the spec lists has 0
    repository: str  # of its files, where they name none
    role: str  # code, text, math
    key: str  # object key, key prefix or address
    size: int  # bytes
    etag: str  # changes with the content
    part: str = ""  # of the object; "" for all of it
    reading: str = ""  # the fields of the source that say how it is read


@dataclass(frozen=True)
class Partition:
    """Items that are worked on together, in (priority, repository, key) order."""

    number: int
    items: tuple[Item, ...]

    @property
    def described(self) -> list[dict[str, object]]:
        """The items as JSON."""
        return [asdict(item) for item in self.items]

    @property
    def identity(self) -> list[dict[str, object]]:
        """What decides the partition's bytes, for its fingerprint.

        Not the priorities: they decide the order of the items, and that is there. So a source that
        comes before others leaves their partitions as they are.
        """
        return [
            {name: value for name, value in item.items() if name != "priority"}
            for item in self.described
        ]


def plan(items: Sequence[Item]) -> list[Partition]:
    """Return the partitions that have items, by number."""
    count = number_of_partitions(sum(item.size for item in items))
    found: dict[int, list[Item]] = {}
    for item in items:
        found.setdefault(_home(item, count), []).append(item)
    return [Partition(number, tuple(sorted(found[number], key=_order))) for number in sorted(found)]


def largest_first(partitions: Sequence[Partition]) -> list[int]:
    """Return the numbers of partitions in an order that keeps all cores busy to the end."""
    sizes = {one.number: sum(item.size for item in one.items) for one in partitions}
    return sorted(sizes, key=lambda number: (-sizes[number], number))


def number_of_partitions(size: int) -> int:
    """Return a power of two, so that a corpus that grows splits its partitions in half.

    Args:
        size: bytes of all items.
    """
    count = FEWEST
    while count < MOST and size > count * TARGET:
        count *= 2
    return count


def _home(item: Item, count: int) -> int:
    name = f"{item.source}\0{item.repository}" + (f"\0{item.part}" if item.part else "")
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") % count


def _order(item: Item) -> tuple[int, str, str, str]:
    return item.priority, item.repository, item.key, item.part
