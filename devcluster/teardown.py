"""Take the cluster down, from whatever state it is in, and say what is left.

Nothing here trusts a record: processes are found by their command lines, containers by their
cgroup, mounts in the kernel's table. Who restarts things goes first, what others use goes last.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from devcluster import cgroups, image_store, network, probes, processes
from devcluster.layout import DevClusterError, Layout
from devcluster.progress import call, exclusive, say, step, wait_until

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
    processes.require_no_other_node(layout.state)
    mine = processes.ours(layout.state)
    processes.stop([p for p in mine if p.name not in (_RUNTIME, _SHIM)], grace=0)
    cgroups.kill(layout.cgroup)
    processes.stop([p for p in processes.ours(layout.state) if p.name == _SHIM], grace=0)
    if probes.answers(layout.containerd_socket):
        image_store.forget_containers(layout)
    _stop_all(layout)
    for mount in mounts(layout.state):
        call(["umount", "--lazy", mount])
    network.down(layout.state)
    cgroups.remove(layout.cgroup)
    shutil.rmtree(layout.state, ignore_errors=True)
    _tidy_outside()


def leftovers(layout: Layout) -> list[str]:
    """What of a cluster there is on this machine, as lines for a person."""
    found = [f"process {p.pid} ({p.name})" for p in processes.ours(layout.state)]
    found += [f"process {pid} (in a container)" for pid in cgroups.pids(layout.cgroup)]
    found += [f"mount {mount}" for mount in mounts(layout.state)]
    found += network.leftovers()
    found += [f"cgroup {path}" for path in cgroups.folders(layout.cgroup)]
    found += [f"folder {layout.state}"] if layout.state.exists() else []
    return found


def mounts(below: Path, table: str | None = None) -> list[str]:
    """Mount points under a folder, the deepest first; `table` is /proc/self/mountinfo's text."""
    lines = (table or Path("/proc/self/mountinfo").read_text()).splitlines()
    # proc(5): the fifth field, in which a space is written \040.
    points = (line.split()[4].encode().decode("unicode_escape") for line in lines)
    return sorted((p for p in points if p.startswith(f"{below}/")), reverse=True)


def _stop_all(layout: Layout) -> None:
    """Again until none is found: containerd may have been starting a shim."""

    def none_left() -> bool:
        found = processes.ours(layout.state)
        processes.stop(found)
        return not found

    wait_until("the programs to end", none_left, seconds=30)


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
