"""Take the cluster down, from whatever state it is in, and say what is left.

Nothing here trusts a record: processes are found by their command lines, containers by their
cgroup, mounts in the kernel's table. Who restarts things goes first, what others use goes last.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from devcluster import image_store, network, probes, processes
from devcluster.layout import DevClusterError, Layout
from devcluster.progress import call, exclusive, say, step, wait_until

CGROUPS = Path("/sys/fs/cgroup")
PODS_CGROUP = "kubepods"
_RUNTIME, _SHIM = "containerd", "containerd-shim-runc-v2"
# Where these programs write besides what they are told; a folder goes when it is empty.
OUTSIDE = tuple(
    Path(path)
    for path in (
        "/var/lib/cni/results",
        "/var/lib/cni",
        "/var/lib/kubelet/device-plugins",
        "/var/lib/kubelet",
        "/var/log/containers",
        "/run/containerd/s",
        "/run/containerd",
    )
)


def down(layout: Layout) -> None:
    """Stop everything and give the host back what it had. Raises when something stays."""
    with exclusive(layout.lock, "a change of the cluster"), step("take the dev cluster down"):
        remove(layout)
    if rest := leftovers(layout):
        raise DevClusterError("still there: " + "; ".join(rest))
    say("the dev cluster is down; programs, images and logs stay in the cache")


def remove(layout: Layout) -> None:
    """Take down whatever there is. The caller holds the lock.

    Only containerd is asked to end: its image store stays, all that the others could write goes.
    """
    mine = processes.ours(layout.state)
    processes.stop([p for p in mine if p.name not in (_RUNTIME, _SHIM)], grace=0)
    _kill_containers()
    processes.stop([p for p in processes.ours(layout.state) if p.name == _SHIM], grace=0)
    if probes.answers(layout.containerd_socket):
        image_store.forget_containers(layout)
    _stop_all(layout)
    for mount in mounts(layout.state):
        call(["umount", "--lazy", mount])
    network.down(layout.state)
    _remove_cgroups()
    shutil.rmtree(layout.state, ignore_errors=True)
    _tidy_outside()


def leftovers(layout: Layout) -> list[str]:
    """What of a cluster there is on this machine, as lines for a person."""
    found = [f"process {p.pid} ({p.name})" for p in processes.ours(layout.state)]
    found += [f"process {pid} (in a container)" for pid in _container_pids()]
    found += [f"mount {mount}" for mount in mounts(layout.state)]
    found += network.leftovers()
    found += [f"cgroup {path}" for path in _cgroups() if path.name == PODS_CGROUP]
    found += [f"folder {layout.state}"] if layout.state.exists() else []
    return found


def mounts(below: Path, table: str | None = None) -> list[str]:
    """Mount points under a folder, the deepest first; `table` is /proc/self/mountinfo's text."""
    lines = (table or Path("/proc/self/mountinfo").read_text()).splitlines()
    # proc(5): the fifth field, in which a space is written \040.
    points = (line.split()[4].encode().decode("unicode_escape") for line in lines)
    return sorted((p for p in points if p.startswith(f"{below}/")), reverse=True)


def _cgroups() -> Iterator[Path]:
    """Every cgroup of pods, the deepest first. Version 1 has a tree a controller, version 2 one."""
    for root in (CGROUPS, *sorted(p for p in CGROUPS.glob("*") if p.is_dir())):
        pods = root / PODS_CGROUP
        for folder, _, _ in os.walk(pods, topdown=False):
            yield Path(folder)


def _container_pids() -> set[int]:
    pids: set[int] = set()
    for cgroup in _cgroups():
        with contextlib.suppress(OSError):  # it went away
            pids.update(int(pid) for pid in (cgroup / "cgroup.procs").read_text().split())
    return pids


def _stop_all(layout: Layout) -> None:
    """Again until none is found: containerd may have been starting a shim."""

    def none_left() -> bool:
        found = processes.ours(layout.state)
        processes.stop(found)
        return not found

    wait_until("the programs to end", none_left, seconds=30)


def _kill_containers() -> None:
    """SIGKILL all processes in pods' cgroups, until no new one appears."""

    def none_left() -> bool:
        found = [p for pid in _container_pids() if (p := processes.read(pid))]
        processes.stop(found, grace=0)
        return not found

    wait_until("containers to end", none_left, seconds=20)


def _remove_cgroups() -> None:
    """A cgroup can be removed a moment after its last process has ended."""

    def none_left() -> bool:
        for cgroup in _cgroups():
            with contextlib.suppress(OSError):
                cgroup.rmdir()
        return not any(_cgroups())

    wait_until("the pods' cgroups to go", none_left, seconds=20)


def _tidy_outside() -> None:
    """Remove our files at fixed paths; a folder goes only when nobody else has anything in it."""
    for path in Path("/var/log/containers").glob("*.log"):
        if path.is_symlink() and not path.exists():
            path.unlink()
    for path in Path("/run/containerd/s").glob("*"):  # where every shim listens; ours were killed
        if not probes.answers(path):
            path.unlink()
    for path in Path("/var/lib/cni/results").glob("*"):
        if path.name.startswith(("oremill-", "cni-loopback-")):
            path.unlink()
    (Path("/var/lib/kubelet/device-plugins") / "kubelet.sock").unlink(missing_ok=True)
    for folder in OUTSIDE:
        with contextlib.suppress(OSError):
            folder.rmdir()
