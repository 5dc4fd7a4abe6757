"""Our processes, found by what the kernel says of them and not by recorded pids.

A pid file can be stale, or missing when a start was cut short. A program's command line names our
state folder, which nobody else's does, and tells whether it runs with the right options.
Signals go through a pidfd, so that a reused pid is never hit.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devcluster.layout import DevClusterError

PROGRAMS = frozenset(
    {
        "containerd",
        "containerd-shim-runc-v2",
        "coredns",
        "discovery",
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubelet",
        "prometheus",
    }
)
TERM_SECONDS = 10.0  # etcd, containerd and the API server end within about two seconds


@dataclass(frozen=True)
class Process:
    """One running process."""

    pid: int
    argv: tuple[str, ...]

    @property
    def name(self) -> str:
        """The program's name without its folder; a module of ours goes by the module's."""
        if self.argv[1:2] == ("-m",):
            return self.argv[2].removeprefix("devcluster.")
        return os.path.basename(self.argv[0])

    def belongs_to(self, state: Path) -> bool:
        """True for a program of a cluster whose state folder is `state`.

        The folder's name must end where a path's part ends: `…/cluster2` is another's.
        """
        return self.name in PROGRAMS and any(f"{state}/" in f"{word}/" for word in self.argv[1:])


def read(pid: int) -> Process | None:
    """The process `pid`, or None when it is gone or a zombie (whose command line is empty)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return None
    return Process(pid, tuple(os.fsdecode(w) for w in words)) if words else None


def ours(state: Path) -> list[Process]:
    """Every running program of the cluster at `state`."""
    return [p for p in _all() if p.belongs_to(state)]


def require_no_other_node(state: Path) -> None:
    """Raise where another kubelet or kube-proxy runs: two would undo each other's rules."""
    for process in _all():
        if process.name in ("kubelet", "kube-proxy") and not process.belongs_to(state):
            raise DevClusterError(
                f"this machine is a Kubernetes node already: {' '.join(process.argv)[:200]}"
                f" (pid {process.pid}); use that cluster, or stop it first"
            )


def _all() -> list[Process]:
    pids = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return [process for pid in pids if (process := read(pid))]


def stop(processes: Iterable[Process], *, grace: float = TERM_SECONDS) -> None:
    """End all: SIGTERM, then SIGKILL to those that are still there after `grace` seconds."""
    with contextlib.ExitStack() as stack:
        held = [fd for p in processes if (fd := _open(p, stack)) is not None]
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            for fd in held:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(fd, number)
            held = _still_running(held, patience)


def _open(process: Process, stack: contextlib.ExitStack) -> int | None:
    """A pidfd of `process`, or None when the pid is gone or has become another's."""
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    stack.callback(os.close, fd)
    return fd if read(process.pid) == process else None


def _still_running(fds: list[int], seconds: float) -> list[int]:
    """Those of `fds` that outlive `seconds`; a pidfd is readable once its process has ended."""
    end, left = time.monotonic() + seconds, fds
    while left and (rest := end - time.monotonic()) > 0:
        ended, _, _ = select.select(left, [], [], rest)
        left = [fd for fd in left if fd not in ended]
    return left
