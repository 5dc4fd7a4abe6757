"""The second wall: whatever a process leaves behind is found and killed."""

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
