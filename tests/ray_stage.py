"""A stage of one pass that waits, to see what a cluster does with a stage and its pods.

    python -m tests.ray_stage <seconds that a task takes; below 0, its process is killed>

Every task makes a part that names its process, so that the bucket tells who worked, and when.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pipeline_steps import run
from pipeline_steps.corpus import engine, machines
from pipeline_steps.corpus.context import Context, Recipe

TASKS = 4


def mark(context: Context, task: dict[str, Any]) -> None:
    """Make a part that says by whom."""

    def write(drafts: list[Path]) -> None:
        if task["seconds"] < 0:
            Path(os.environ["OREMILL_SCRATCH"], f"killed-{time.time_ns()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(task["seconds"])
        drafts[0].write_text(json.dumps([os.environ["OREMILL_SCRATCH"], os.getpid()]))

    context.parts.make([task["part"]], write)


def make(step: run.Step) -> run.Made:
    """Run the pass."""
    parts = [f"marks/{step.order.digest[:9]}-{number}.json" for number in range(TASKS)]
    tasks = [{"part": part, "seconds": float(sys.argv[1])} for part in parts]
    for done in engine.each(mark, Recipe.of(step), tasks, 1):
        step.progress.update(done, TASKS, "tasks")
    (step.scratch / "made").mkdir(exist_ok=True)
    return run.Made(step.scratch / "made")


if __name__ == "__main__":
    machines.PATIENCE = float(os.environ.get("TEST_PATIENCE", machines.PATIENCE))
    machines.MOURNING = 0.0  # no controller comes to stop us
    run.main(machines.spread(make))
