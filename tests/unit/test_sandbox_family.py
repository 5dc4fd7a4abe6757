"""What the worker relies on: nothing survives a sweep, and nothing runs outside the jail."""

import subprocess
import sys
from pathlib import Path

from pipeline_steps.sandbox.child import ROOT

# A subreaper whose child makes a grandchild, in a session of its own, and dies before it.
ORPHANS = """
import os, sys, time
from pipeline_steps.sandbox import family, jail
jail.hide()
for _ in range(3):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
        os._exit(0)
time.sleep(0.3)
before = family.descendants(os.getpid())
memory = family.resident_bytes(os.getpid())
family.sweep()
print(len(before), memory > 2**20, family.descendants(os.getpid()), *before)
"""


def test_orphans_in_sessions_of_their_own_are_swept_up() -> None:
    command = [sys.executable, "-c", ORPHANS]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    count, memory, left, *pids = done.stdout.split()
    assert (count, memory, left) == ("6", "True", "[]"), done.stderr  # three are zombies
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


UNJAILED = """
import tempfile
from pathlib import Path
from pipeline_steps.sandbox.execution import Execution
from pipeline_steps.sandbox.wire import Limits
from pipeline_steps.sandbox.zygote import Zygote
impossible = Limits(1e30, 2**27, 1000)
with Execution(Zygote(), "print('ran')", impossible, Path(tempfile.mkdtemp()), []) as execution:
    execution.wait_for_results(0)
"""


def test_a_candidate_whose_jail_fails_is_never_run_nor_blamed() -> None:
    command = [sys.executable, "-c", UNJAILED]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert "JailFailed: the jail did not go up" in done.stderr
    assert "OverflowError" in done.stderr  # from the limits, which no machine can hold
    assert "ran\n" not in done.stdout + done.stderr.replace("print('ran')", "")


UNFOLLOWED = """
import tempfile
from pathlib import Path
from pipeline_steps.sandbox import execution
from pipeline_steps.sandbox.wire import Limits
from pipeline_steps.sandbox.zygote import Zygote
execution._cause = lambda status: {}[status]
limits, scratch = Limits(5.0, 2**27, 1000), Path(tempfile.mkdtemp())
with execution.Execution(Zygote(), "import os; os._exit(0)", limits, scratch, []) as one:
    one.wait_for_results(0)
    one.finish()
    print(one.outcome, one.detail)
"""


def test_an_error_of_ours_after_the_jail_is_up_is_the_candidates_outcome() -> None:
    command = [sys.executable, "-c", UNFOLLOWED]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == "RUNTIME_ERROR the sandbox could not follow it: KeyError(0)\n"
    assert "Traceback" in done.stderr  # in the runner's log, for us
