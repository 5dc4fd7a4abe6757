"""Run a pass over many partitions on every core: Daft holds the processes and deals out the tasks.

A task is small, and so is what it returns; the texts go through files, since Daft would hand them
from process to process in /dev/shm, of which a pod has 64 MB.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import daft

from pipeline_steps import errors
from pipeline_steps.corpus.context import Context, Recipe

Pass = Callable[[Context, dict[str, Any]], None]


def each(
    work: Pass, recipe: Recipe, tasks: Sequence[dict[str, Any]], workers: int
) -> Iterator[int]:
    """Do `work` for every task, and yield how many are done.

    Args:
        work: a function of a module, which a worker finds by its name.
        recipe: of the context that each worker opens.
        tasks: JSON objects; they are begun in this order, so the longest come best first.
        workers: processes; 1 stays in this one.

    Raises:
        StepError: what a task raised; the others are stopped.
    """
    if not tasks:
        return
    # Else the results wait for each other, and every worker for the slowest of its round.
    daft.set_execution_config(maintain_order=False)
    worker = _Worker(work, recipe)
    if workers > 1:
        do = daft.cls(_Worker, max_concurrency=workers, use_process=True)(work, recipe).do
    else:
        do = daft.func(worker.do, return_dtype=daft.DataType.string(), use_process=False)
    frame = daft.from_pydict({"task": [json.dumps(task) for task in tasks]}).into_batches(1)
    done = frame.select(do(frame["task"]).alias("error")).iter_rows()
    for count, row in enumerate(done, 1):
        if row["error"]:
            raise _raised(*json.loads(row["error"]))
        yield count


class _Worker:
    """Does tasks, in a process of its own where there are several."""

    def __init__(self, work: Pass, recipe: Recipe) -> None:
        self._work = work
        self._recipe = recipe

    def do(self, task: str) -> str:
        """Do one task; an error of the contract travels as text, since Daft would wrap it."""
        try:
            self._work(self._recipe.open(), json.loads(task))
        except errors.StepError as error:
            return json.dumps([type(error).__name__, str(error)])
        return ""


def _raised(kind: str, message: str) -> errors.StepError:
    found: type[errors.StepError] = getattr(errors, kind)
    return found(message)
