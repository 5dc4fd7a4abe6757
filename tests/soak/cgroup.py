"""What a pod holds of its node's memory, read from its cgroup: version 1 or 2, on this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
EVERY = 0.5  # seconds between two looks


@dataclass
class Memory:
    """The most that was seen, in bytes."""

    held: int = 0  # by processes: what cannot be given back, and so what a limit is about
    charged: int = 0  # that, and the pages of files which the kernel keeps as long as there is room
    looks: int = 0
    killed: int = 0  # processes that the kernel ended for want of memory


@contextmanager
def watched(uids: "Uids") -> Iterator[Memory]:
    """Look at pods, whichever there are, for as long as the block lasts.

    Args:
        uids: answers with the pods to look at now.
    """
    found, over = Memory(), threading.Event()

    def look() -> None:
        while not over.wait(EVERY):
            for uid in uids():
                _look(uid, found)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


class Uids:
    """The pods that are watched, as somebody learns of them."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self) -> set[str]:
        """Return all."""
        return set(self._known)

    def add(self, uid: str) -> None:
        """Watch one more."""
        self._known.add(uid)


def _look(uid: str, found: Memory) -> None:
    for folder in _folders(uid):
        try:
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            charged = _number(folder, "memory.usage_in_bytes", "memory.current")
            killed = _number(folder, "memory.oom_control", "memory.events", "oom_kill")
        except OSError:  # it ended meanwhile
            continue
        held = int(stat.get("total_rss") or stat["anon"])
        found.held, found.charged = max(found.held, held), max(found.charged, charged)
        found.killed = max(found.killed, killed)
        found.looks += 1


def _folders(uid: str) -> list[Path]:
    """Return the pod's cgroup in the tree of memory: its name is the pod's, whatever the driver."""
    tree = ROOT / "memory" if (ROOT / "memory").is_dir() else ROOT
    names = (f"pod{uid}", f"*pod{uid.replace('-', '_')}.slice")
    return [folder for name in names for folder in tree.glob(f"*/**/{name}")]


def _number(folder: Path, first: str, second: str, field: str = "") -> int:
    """Return the number of a file, or of a line of it; version 1 has the first, 2 the second."""
    file = folder / (first if (folder / first).exists() else second)
    text = file.read_text()
    if not field:
        return int(text)
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(field)), 0)
