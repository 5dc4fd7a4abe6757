"""One node of a Ray cluster: its processes, what is on in them, and who may speak to them.

    ray start --block ...    stays our child, and ends when one of its own processes does

Off: dashboard, usage reports, metrics, autoscaler, log forwarding, and Ray's memory monitor, which
kills a task and tries it again: what a pod may use is the kernel's to say, and `OutOfMemory` ours.
Everything that Ray writes lies below the scratch folder, its shared memory too: /dev/shm of a pod
has 64 MB, and tasks and their answers are small (engine.py). Ports are fixed (names.py); the
variable OREMILL_RAY_PORT moves them, for nodes that share a machine.

Ray runs whatever it is sent, so it takes nothing without the token (RAY_AUTH_MODE). It does not
encrypt: https://docs.ray.io/en/latest/ray-security/token-auth.html
"""

import hmac
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oremill import names
from pipeline_steps import run

log = logging.getLogger(__name__)

OBJECT_STORE = 80_000_000  # bytes; Ray's least is 75 MiB
STARTED = "Ray runtime started."  # the words of `ray start`
START_SECONDS = 120  # that a node may take to start
LONGEST_SOCKET = 107  # bytes of a Unix socket's path (unix(7))
SOCKET = "/session_2026-01-01_00-00-00_000000_0000000/sockets/plasma_store"  # below Ray's folder
ERROR = re.compile(r"[\w.]*(Error|Exception): ")  # as a traceback ends
LINES = 6  # of a log that are told
SWITCHES = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_worker_niceness": "0",  # its tasks are what the pod is for
}


class NotStarted(Exception):
    """The node did not start; the message is the end of its log."""


def token(step: run.Step) -> str:
    """Return the token of a job's own cluster, which each of its pods derives from what it has.

    It tells nothing of the secret key, and no other attempt has the same.
    """
    secret = (step.places.secret / "secretKey").read_text().strip()
    told = f"oremill ray {step.order.uid} {step.order.digest} {step.order.attempt}"
    return hmac.new(secret.encode(), told.encode(), "sha256").hexdigest()


def prepare(**token: str) -> None:
    """Set what Ray reads from the environment, before it is imported.

    Args:
        token: RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH.
    """
    os.environ.update(SWITCHES | token)


@contextmanager
def running(scratch: Path, cores: int, *where: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a node until the end of the block.

    Args:
        scratch: folder of the step.
        cores: that Ray may deal tasks to; 0 for a node that only sends them.
        where: options of `ray start` that say which cluster.

    Raises:
        NotStarted: it did not start.
    """
    folder = scratch / "ray"
    folder.mkdir(parents=True, exist_ok=True)
    if len(f"{folder}{SOCKET}") > LONGEST_SOCKET:
        raise NotStarted(f"{folder} is too long for Ray's sockets; give a shorter scratch folder")
    told = folder / "node.log"
    with told.open("wb") as output:
        process = subprocess.Popen(
            [*_command(folder, cores), *where], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _await_start(process, told)
        yield process
    finally:
        process.terminate()  # it takes ten seconds, for which nobody need wait


def last_words(scratch: Path) -> str:
    """Return the last lines that the node of a step wrote."""
    return _tail(scratch / "ray" / "node.log")


def _command(folder: Path, cores: int) -> list[str]:
    port = int(os.environ.get("OREMILL_RAY_PORT", names.PORT_RAY))
    options = {
        "num-cpus": cores,
        "num-gpus": 0,
        "object-store-memory": OBJECT_STORE,
        "plasma-directory": folder,
        "temp-dir": folder,
        "node-manager-port": port,
        "object-manager-port": port + 1,
        "runtime-env-agent-port": port + 2,
        "min-worker-port": port + 3,
        "max-worker-port": port + names.PORTS_RAY - 1,
        "include-log-monitor": False,
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *given]


def _await_start(process: subprocess.Popen[bytes], told: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while STARTED not in told.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotStarted(_tail(told))
        time.sleep(0.1)


def _tail(path: Path) -> str:
    """Return the last error of a log, or its last lines."""
    lines = path.read_text(errors="replace").strip().splitlines()
    errors = [number for number, line in enumerate(lines) if ERROR.match(line)]
    last = lines[errors[-1] :][:LINES] if errors else lines[-LINES:]
    return " ".join(line.strip() for line in last)
