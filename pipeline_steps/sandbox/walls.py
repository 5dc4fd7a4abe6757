"""Measure the jail with real candidates before any stranger's code runs in it.

A sandbox whose candidates can open a socket or start a process does not begin to serve. Landlock is
measured and reported: where the kernel has none, files that the pod's user can read stay readable.
"""

from typing import Any

from pipeline_steps.sandbox import landlock
from pipeline_steps.sandbox.pool import Pool

PROBES = {
    "network": "import socket\ndef probe(path):\n    socket.socket()",
    "processes": "import os\ndef probe(path):\n    os.fork() or os._exit(0)",
    "signals": "import os\ndef probe(path):\n    os.kill(os.getppid(), 0)",
    "files": "def probe(path):\n    open(path).read()",
}
REQUIRED = ("network", "processes", "signals")
LIMITS = {"wall_seconds": 10.0, "memory_bytes": 128 * 2**20, "output_bytes": 4096}


class IsolationTooWeak(Exception):
    """A wall that every sandbox needs is not there."""


def measure(pool: Pool, secret: str) -> dict[str, Any]:
    """Return which walls hold; `secret` is a file that a candidate must not be able to read.

    Raises:
        IsolationTooWeak: names the walls that do not hold.
    """
    held = {name: _holds(pool, code, secret) for name, code in PROBES.items()}
    weak = [name for name in REQUIRED if not held[name]]
    if weak:
        raise IsolationTooWeak(f"candidates are not cut off from: {', '.join(weak)}")
    return {"walls": held, "landlock": landlock.abi()}


def _holds(pool: Pool, code: str, secret: str) -> bool:
    request = {"do": "run", "code": code, "entry_point": "probe", "calls": [[secret]]}
    with pool.lent(10) as worker:
        report = worker.ask(request | {"limits": LIMITS}, LIMITS["wall_seconds"])
    return any("PermissionError" in result.get("error", "") for result in report["results"])
