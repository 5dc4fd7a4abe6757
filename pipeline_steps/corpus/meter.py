"""What a corpus cost: CPU seconds and bytes by stage, whichever process and pod spent them.

A thread that makes a part has a stopwatch. Who has done a stage's work on a file says so (`lap`),
and the time since the last word is that stage's: no second is lost or counted twice, and a word
costs a microsecond. A part's figures lie beside it, in a part of their own, since its bytes repeat
and they do not; so a corpus that is killed and made further still knows what its first half cost.
Time before the first word of a part (a process starts, modules are imported) is nobody's.
"""

import json
import resource
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# In the order in which a file meets them. Beside the stages that drop files: reading and unpacking
# the source, a file's hash and tokens, the parts between the passes, and what makes the shards.
COSTS = (
    "opt-out", "read", "language", "licence", "quality", "parse", "security", "lint", "keys",
    "parts", "exact-dedup", "decontamination", "shingles", "sketch", "near-dedup", "mixture",
    "order", "redaction", "audit", "shards", "ledger", "report",
)  # fmt: skip


@dataclass
class Cost:
    """CPU seconds and bytes by stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)  # of text that came to the stage

    def add(self, stage: str, seconds: float, size: int = 0) -> None:
        """Count for a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
        self.bytes[stage] = self.bytes.get(stage, 0) + size

    @property
    def stages(self) -> list[str]:
        """The stages that cost something, in their order."""
        return sorted(self.seconds, key=COSTS.index)

    @property
    def total(self) -> float:
        """CPU seconds of all stages."""
        return sum(self.seconds.values())

    def json(self) -> str:
        """Return the figures as text."""
        return json.dumps({s: [round(self.seconds[s], 6), self.bytes[s]] for s in self.stages})

    @classmethod
    def of(cls, text: str) -> "Cost":
        """Return the figures of a text."""
        found = cls()
        for stage, (seconds, size) in json.loads(text).items():
            found.add(stage, seconds, size)
        return found

    @classmethod
    def sum(cls, costs: Iterable["Cost"]) -> "Cost":
        """Return several costs as one."""
        found = cls()
        for cost in costs:
            for stage, seconds in cost.seconds.items():
                found.add(stage, seconds, cost.bytes[stage])
        return found


class Stopwatch:
    """Deals the time that passes out to stages."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin now.

        Args:
            clock: CPU seconds of this thread, or of the whole process.
        """
        self.cost, self._clock, self._last = Cost(), clock, clock()

    def lap(self, stage: str, size: int = 0) -> None:
        """Give the time since the last word to a stage."""
        now = self._clock()
        self.cost.add(stage, now - self._last, size)
        self._last = now

    def skip(self) -> None:
        """Give it to nobody."""
        self._last = self._clock()


_threads = threading.local()


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure what this thread does in a block."""
    before = getattr(_threads, "watch", None)
    _threads.watch = watch = Stopwatch(time.thread_time)
    try:
        yield watch.cost
    finally:
        _threads.watch = before


def lap(stage: str, size: int = 0) -> None:
    """Give the time since this thread's last word to a stage; where nobody measures, do nothing.

    Args:
        stage: of COSTS.
        size: bytes of text that the stage looked at.
    """
    watch: Stopwatch | None = getattr(_threads, "watch", None)
    if watch is not None:
        watch.lap(stage, size)


class _Children:
    """CPU seconds of programs that this process started, each counted once."""

    def __init__(self) -> None:
        self._lock, self._counted = threading.Lock(), self._spent()

    def since(self) -> float:
        """Return the seconds of those that ended since the last question."""
        with self._lock:
            before, self._counted = self._counted, self._spent()
            return self._counted - before

    def _spent(self) -> float:
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime


_children = _Children()


def programs(stage: str) -> None:
    """Give what programs cost that this process started and waited for to a stage."""
    watch: Stopwatch | None = getattr(_threads, "watch", None)
    if watch is not None:
        watch.cost.add(stage, _children.since())
