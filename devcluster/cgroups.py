"""The cgroup of the pods: ours alone, so that `down` ends no other's containers.

Version 1 has a tree for each controller, version 2 one tree for all.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from devcluster import processes
from devcluster.progress import wait_until

ROOT = Path("/sys/fs/cgroup")


def create(name: str) -> None:
    """Make it in every tree: the kubelet refuses a root that does not exist."""
    for tree in _trees():
        (tree / name).mkdir(exist_ok=True)
    enabled = ROOT / "cgroup.subtree_control"
    if enabled.exists():  # version 2: what the root does not hand on, no child can have
        controllers = (ROOT / "cgroup.controllers").read_text().split()
        enabled.write_text(" ".join(f"+{controller}" for controller in controllers))


def pids(name: str) -> set[int]:
    """The processes in it and in the cgroups below."""
    found: set[int] = set()
    for folder in folders(name):
        with contextlib.suppress(OSError):  # it went away
            found.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
    return found


def kill(name: str) -> None:
    """SIGKILL all processes in it, until no new one appears."""

    def none_left() -> bool:
        found = [process for pid in pids(name) if (process := processes.read(pid))]
        processes.stop(found, grace=0)
        return not found

    wait_until("containers to end", none_left, seconds=20)


def remove(name: str) -> None:
    """Remove it; the kernel lets go of a cgroup a moment after its last process has ended."""

    def none_left() -> bool:
        for folder in folders(name):
            with contextlib.suppress(OSError):
                folder.rmdir()
        return not any(folders(name))

    wait_until("the pods' cgroups to go", none_left, seconds=20)


def folders(name: str) -> Iterator[Path]:
    """It and the cgroups below in every tree, the deepest first."""
    for tree in _trees():
        for folder, _, _ in os.walk(tree / name, topdown=False):
            yield Path(folder)


def _trees() -> list[Path]:
    """The root of version 2, or those of version 1 (and of the second that may be beside it)."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    mounted = (tree for tree in sorted(ROOT.glob("*")) if not tree.is_symlink())
    return [tree for tree in mounted if (tree / "cgroup.procs").exists()]
