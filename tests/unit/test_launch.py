"""PID 1 of a training pod: many ranks, one outcome, one exit code."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from oremill.specs.artifact import Outcome
from pipeline_steps.launch import verdict

DONE = Outcome(status="done", digest="d")
USER = Outcome(status="user", reason="UserError", message="spec.x")
SAVED = Outcome(status="resumable", reason="Restarting", message="saved")
FAILED = Outcome(status="failed", reason="StepFailed", message="boom")


@pytest.mark.parametrize(
    ("outcomes", "stopped", "memory", "status", "reason"),
    [
        ([DONE, DONE], False, False, "done", ""),
        ([SAVED, SAVED], True, False, "resumable", "Restarting"),
        ([SAVED, USER, FAILED], False, False, "user", "UserError"),
        ([SAVED, FAILED], False, False, "failed", "StepFailed"),
        ([DONE, None], False, False, "failed", "StepFailed"),
        ([SAVED, None], False, True, "failed", "OutOfMemory"),
        ([None, SAVED], True, False, "resumable", "Restarting"),
        ([FAILED], True, False, "resumable", "Restarting"),
        ([None], True, True, "failed", "OutOfMemory"),
    ],
    ids=[
        "all done",
        "all saved after SIGTERM",
        "a rank's user error takes others along",
        "a failing rank interrupts its neighbour",
        "a rank that vanished",
        "a rank killed for memory",
        "killed after the grace period",
        "interrupted before the first checkpoint",
        "killed for memory while stopping",
    ],
)
def test_the_worst_cause_decides(
    outcomes: list[Outcome | None], stopped: bool, memory: bool, status: str, reason: str
) -> None:
    found = verdict(outcomes, stopped=stopped, out_of_memory=memory)
    assert (found.status, found.reason) == (status, reason)


STAGE = """
import os, sys
from pathlib import Path
from pipeline_steps import errors, run
def work():
    {work}
sys.exit(run.finish(work, Path(os.environ["OREMILL_TERMINATION_LOG"])))
"""


def launched(tmp_path: Path, work: str) -> tuple[int, Outcome]:
    """Run a stage of one rank under PID 1's wrapper; return its exit code and what it told."""
    (tmp_path / "stage.py").write_text(STAGE.format(work=work))
    (tmp_path / "spec.json").write_text(json.dumps({"spec": {}}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), "operator", "."]),
        "OREMILL_SPEC": str(tmp_path / "spec.json"),
        "OREMILL_TERMINATION_LOG": str(tmp_path / "outcome.json"),
        "PET_NNODES": "1",
        "PET_NPROC_PER_NODE": "1",
        "PET_NODE_RANK": "0",
        "PET_MASTER_ADDR": "127.0.0.1",
        "PET_MASTER_PORT": str(port),
    }
    program = "from pipeline_steps import launch; launch.main('stage')"
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    outcome = Outcome.model_validate_json((tmp_path / "outcome.json").read_text())
    return ended.returncode, outcome


@pytest.mark.parametrize(
    ("work", "code", "status", "message"),
    [
        ("raise errors.UserError('spec.x: 3 is too many')", 2, "user", "spec.x: 3 is too many"),
        ("os.kill(os.getpid(), 9)", 1, "failed", "a rank ended without a word"),
    ],
    ids=["user error", "killed"],
)
def test_torchrun_hides_the_cause_and_pid_1_finds_it(
    tmp_path: Path, work: str, code: int, status: str, message: str
) -> None:
    found, outcome = launched(tmp_path, work)
    assert (found, outcome.status) == (code, status)
    assert outcome.message.startswith(message)


# Meets the others as a stage does, then asks on which addresses the store answers.
LISTENERS = """
    import socket
    from torch import distributed
    distributed.init_process_group("gloo")
    port = int(os.environ["PET_MASTER_PORT"])
    answers = [socket.socket().connect_ex((f"127.0.0.{n}", port)) == 0 for n in (1, 2)]
    raise errors.UserError(f"{answers} {os.environ['GLOO_SOCKET_IFNAME']}")
"""


def test_a_lone_pod_listens_on_the_loopback_address_alone(tmp_path: Path) -> None:
    """A socket on every address answers at 127.0.0.2 too."""
    _, outcome = launched(tmp_path, LISTENERS.strip())
    assert outcome.message == "[True, False] lo"
