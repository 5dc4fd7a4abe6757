"""Run a command on a number of cores, and say what it cost: python -m bench.corpus.machine.

    ... OUT CORES LIMIT -- COMMAND

Time begins before the process does. Memory is what cannot be dropped, anonymous and shared, of the
command and all that it started, each page counted once; pages of mapped files are left out, since
the kernel takes them back. A command that holds more than LIMIT bytes is stopped. The figures are
written to OUT as JSON, by this process, which inherits whatever outlives its parent.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from devcluster.images import ROOT

EVERY = 0.4  # seconds between two looks at memory
PR_SET_CHILD_SUBREAPER = 36  # of prctl(2)


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float  # from before its start to its end
    cpu: float  # seconds of all its processes
    peak: int  # bytes of memory
    code: int  # exit status
    stopped: bool = False  # for holding too much memory

    @property
    def failed(self) -> str:
        """Why there is no figure; "" when there is one."""
        if self.stopped:
            return f"stopped at {self.peak / 2**30:.0f} GiB of memory"
        return f"ended with {self.code}" if self.code else ""


def run(
    command: Sequence[str | Path],
    log: Path,
    folder: Path,
    cores: int,
    limit: int,
    environment: Mapping[str, str],
) -> Cost:
    """Run a command to its end, in a clean environment.

    Args:
        command: and its arguments.
        log: file for its output.
        folder: to work in, and for its temporary files.
        cores: that it may use.
        limit: bytes of memory at which it is stopped.
        environment: variables, beside PATH and HOME.
    """
    out = log.with_suffix(".cost")
    words = [str(word) for word in (out, cores, limit, "--", *command)]
    env = {name: os.environ[name] for name in ("PATH", "HOME")} | dict(environment)
    env |= {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}", "TMPDIR": str(folder)}
    with log.open("w") as output:
        subprocess.run(
            [sys.executable, "-m", "bench.corpus.machine", *words],
            cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT, check=True,
        )  # fmt: skip
    return Cost(**json.loads(out.read_text()))


def main() -> None:
    """Run what the arguments say."""
    out, cores, limit, _, *command = sys.argv[1:]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    watch = Watch(int(limit))
    begun = time.perf_counter()
    process = subprocess.Popen(command)
    watch.start()
    code = process.wait()
    seconds = time.perf_counter() - begun
    _stop(children(os.getpid()))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    watch.over.set()
    cost = Cost(seconds, used.ru_utime + used.ru_stime, watch.peak, code, watch.stopped)
    Path(out).write_text(json.dumps(asdict(cost)))


class Watch(threading.Thread):
    """Looks at the memory of all that this process started."""

    def __init__(self, limit: int) -> None:
        super().__init__(daemon=True)
        self.peak, self.stopped, self.over, self._limit = 0, False, threading.Event(), limit

    def run(self) -> None:
        """Look until it is over."""
        while not self.over.wait(EVERY):
            found = children(os.getpid())
            self.peak = max(self.peak, sum(map(held, found)))
            if self.peak > self._limit and not self.stopped:
                self.stopped = True
                _signal(found)


def children(parent: int) -> list[int]:
    """Return the processes below one."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [parent]
    while left:
        below = parents.get(left.pop(), [])
        found += below
        left += below
    return found


def held(pid: int) -> int:
    """Return the bytes of a process that cannot be dropped, its part of what it shares."""
    total = 0
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                total += 1024 * int(line.split()[1])
    return total


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process that runs has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stop(pids: list[int]) -> None:
    """End what outlived the command, such as the server that multiprocessing forks from."""
    _signal(pids)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _signal(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
