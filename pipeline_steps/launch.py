"""PID 1 of a training pod: start torchrun, pass signals on, and tell the operator how it ended.

torchrun turns whatever happens to a rank, SIGTERM too, into exit code 1. So each rank writes an
`Outcome` to a file of its own, and this wrapper makes one outcome and one exit code of them:

    0   every rank is done
    2   the user's mistake, said by any rank
    75  preempted: this pod was asked to stop, or every rank that is not done saved and left
    1   anything else; a rank without an outcome was killed

torchrun reads where its peers are from PET_* (nodes, ranks of a node, node rank, address and port
of node 0). One node with one rank takes the same path, so there is only one to trust; what differs
is that a lone node listens on the loopback address alone (rendezvous.py). Torch is not
imported here: PID 1 stays small, and outlives a rank that ran out of memory.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from oremill import names
from oremill.specs.artifact import Outcome
from pipeline_steps.run import Places, fitted

log = logging.getLogger(__name__)

GRACE = 60  # seconds: default of spec.pod.terminationGracePeriodSeconds
MARGIN = 5  # seconds of the grace period for torchrun's end and our own outcome
ORDER = ("user", "failed", "resumable", "done")  # the first status found decides
CODES = {"user": names.EXIT_USER, "resumable": names.EXIT_RESUMABLE, "done": names.EXIT_DONE}
OOM_COUNTERS = (  # of the pod's own cgroup, version 2 and version 1
    Path("/sys/fs/cgroup/memory.events"),
    Path("/sys/fs/cgroup/memory/memory.oom_control"),
)


def main(module: str) -> NoReturn:
    """Run `module` as the ranks of this node, and exit by the contract."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    places = Places.from_environment()
    with tempfile.TemporaryDirectory(prefix="outcomes-") as folder:
        stopped, killed = _run(module, Path(folder), _grace(places.spec))
        outcome = verdict(_outcomes(Path(folder)), stopped=stopped, out_of_memory=killed)
    log.info("%s %s %s", outcome.status, outcome.reason, outcome.message)
    places.termination_log.write_text(fitted(outcome))
    sys.exit(CODES.get(outcome.status, 1))


def rank_outcome(folder: Path, local_rank: int) -> Path:
    """Return the file in which a rank of this node says how it ended."""
    return folder / f"rank-{local_rank}.json"


def verdict(
    outcomes: list[Outcome | None], *, stopped: bool = False, out_of_memory: bool = False
) -> Outcome:
    """Return the outcome of a node from those of its ranks; None is a rank that left none.

    A rank that fails takes its neighbours with it: torchrun stops them, and they report that they
    were interrupted. So the user's mistake counts before a failure, and a failure before a stop.
    """
    found = [outcome or _killed(out_of_memory) for outcome in outcomes]
    worst = min(found, key=lambda outcome: ORDER.index(outcome.status))
    if stopped and worst.status == "failed" and not out_of_memory:
        return Outcome(
            status="resumable",
            reason="Restarting",
            message=f"stopped by SIGTERM before a checkpoint was complete: {worst.message}",
        )
    return worst


def _killed(out_of_memory: bool) -> Outcome:
    if out_of_memory:
        message = "a rank was killed for want of memory; raise spec.pod.memory"
        return Outcome(status="failed", reason="OutOfMemory", message=message)
    message = "a rank ended without a word: it was killed, or crashed in native code"
    return Outcome(status="failed", reason="StepFailed", message=message)


def _run(module: str, folder: Path, grace: int) -> tuple[bool, bool]:
    """Run torchrun; return whether we were told to stop, and whether memory ran out."""
    before = oom_kills()
    torchrun = "pipeline_steps.rendezvous" if _alone() else "torch.distributed.run"
    command = [sys.executable, "-m", torchrun, f"--shutdown-timeout={grace}"]
    process = subprocess.Popen(
        [*command, "-m", "pipeline_steps.launch", module], env=_environment(folder)
    )
    stops = []

    def stop(number: int, frame: FrameType | None) -> None:
        stops.append(number)
        process.send_signal(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    process.wait()
    return bool(stops), oom_kills() > before


def _environment(folder: Path) -> dict[str, str]:
    """Return what the ranks inherit.

    Waiting OpenMP threads must sleep, not spin: on a node that does other work too, spinning made
    training 5 times slower (1.9k instead of 10.7k tokens a second on 2 shared cores).
    """
    return (
        {"OMP_WAIT_POLICY": "passive", "HF_HUB_OFFLINE": "1"}
        | _meeting()
        | {
            **os.environ,
            "OREMILL_OUTCOMES": str(folder),
            "TOKENIZERS_PARALLELISM": "true",
        }
    )


def _alone() -> bool:
    return os.environ.get("PET_NNODES") == "1"


def _meeting() -> dict[str, str]:
    """Return how the ranks of a lone node meet: on the loopback address, see rendezvous.py."""
    if not _alone():
        return {}
    return {
        "PET_RDZV_BACKEND": "loopback",
        "PET_RDZV_ENDPOINT": f"127.0.0.1:{os.environ['PET_MASTER_PORT']}",
        "GLOO_SOCKET_IFNAME": "lo",
    }


def _grace(spec: Path) -> int:
    """Return the seconds that ranks have to save, once told to stop."""
    pod: dict[str, Any] = json.loads(spec.read_text()).get("spec", {}).get("pod", {})
    return max(1, int(pod.get("terminationGracePeriodSeconds", GRACE)) - MARGIN)


def _outcomes(folder: Path) -> list[Outcome | None]:
    def read(path: Path) -> Outcome | None:
        return Outcome.model_validate_json(path.read_text()) if path.is_file() else None

    ranks = int(os.environ.get("PET_NPROC_PER_NODE", 1))
    return [read(rank_outcome(folder, rank)) for rank in range(ranks)]


def oom_kills() -> int:
    """Return how many processes of this pod the kernel has killed for memory."""
    return sum(_counters())


def _counters() -> Iterator[int]:
    for path in OOM_COUNTERS:
        if path.is_file():
            for line in path.read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    yield int(value)


def _rank(module: str) -> None:
    """Become one rank: say how it ended in a file, then run the stage."""
    import runpy

    folder = Path(os.environ["OREMILL_OUTCOMES"])
    own = rank_outcome(folder, int(os.environ["LOCAL_RANK"]))
    os.environ["OREMILL_TERMINATION_LOG"] = str(own)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _rank(sys.argv[1])
