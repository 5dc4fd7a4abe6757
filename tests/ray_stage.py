"""A stage of one pass that waits, to see what a cluster does with a stage and its pods.

    python -m tests.ray_stage <seconds that a task takes>

Every task makes a part that names its process, so that the bucket tells who worked, and when.
"""

import json
import os
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
        time.sleep(task["seconds"])
        drafts[0].write_text(json.dumps([os.environ["OREMILL_SCRATCH"], os.getpid()]))

    context.parts.make([f"marks/{task['number']}.json"], write)


def make(step: run.Step) -> run.Made:
    """Run the pass."""
    tasks = [{"number": number, "seconds": float(sys.argv[1])} for number in range(TASKS)]
    for done in engine.each(mark, Recipe.of(step), tasks, 1):
        step.progress.update(done, TASKS, "tasks")
    (step.scratch / "made").mkdir()
    return run.Made(step.scratch / "made")


if __name__ == "__main__":
    machines.PATIENCE = float(os.environ.get("TEST_PATIENCE", machines.PATIENCE))
    machines.MOURNING = 0.0  # no controller comes to stop us
    run.main(machines.spread(make))
