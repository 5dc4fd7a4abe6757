"""Run a pass over many partitions on every core: Daft holds the processes and deals out the tasks.

A task is small, and so is what it returns; the texts go through files, since Daft would hand them
from process to process in /dev/shm, of which a pod has 64 MB.

With Daft's Ray runner (machines.py) each task is a partition of the frame, which Daft deals to the
node with most free cores; there an actor does it, one of a pool with as many as there are cores.
Without a pool, Daft would start a process for every task that is alone on its node.
"""

import json
import logging
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import daft

from pipeline_steps import errors
from pipeline_steps.corpus.context import Context, Recipe

Pass = Callable[[Context, dict[str, Any]], None]
log = logging.getLogger(__name__)
ONCE = {"max_restarts": 0, "max_task_retries": 0}  # else Daft tries a killed actor's task 4 times


def each(
    work: Pass, recipe: Recipe, tasks: Sequence[dict[str, Any]], workers: int
) -> Iterator[int]:
    """Do `work` for every task, and yield how many are done.

    Args:
        work: a function of a module, which a worker finds by its name.
        recipe: of the context that each worker opens.
        tasks: JSON objects; they are begun in this order, so the longest come best first.
        workers: processes; 1 stays in this one. The cores of a cluster's nodes count instead.

    Raises:
        StepError: what a task raised; the others are stopped.
    """
    if not tasks:
        return
    # Else the results wait for each other, and every worker for the slowest of its round.
    daft.set_execution_config(maintain_order=False)
    by: Counter[str] = Counter()
    for count, row in enumerate(_dealt(work, recipe, tasks, workers).iter_rows(), 1):
        machine, *error = json.loads(row["said"])
        if error:
            raise _raised(*error)
        by[machine] += 1
        yield count
    log.info("done by %s", ", ".join(f"{machine} {by[machine]}" for machine in sorted(by)))


def _dealt(
    work: Pass, recipe: Recipe, tasks: Sequence[dict[str, Any]], workers: int
) -> daft.DataFrame:
    """Return the frame of what the tasks say, each dealt by itself."""
    frame = daft.from_pydict({"task": [json.dumps(task) for task in tasks]})
    if _on_ray():
        pool = daft.cls(
            _Worker, max_concurrency=min(_cluster_cores(), len(tasks)), ray_options=ONCE
        )
        do = pool(work, replace(recipe, places=None)).do
        return frame.into_partitions(len(tasks)).select(do(frame["task"]).alias("said"))
    if workers > 1:
        do = daft.cls(_Worker, max_concurrency=workers, use_process=True)(work, recipe).do
    else:
        alone = _Worker(work, recipe)
        do = daft.func(alone.do, return_dtype=daft.DataType.string(), use_process=False)
    return frame.into_batches(1).select(do(frame["task"]).alias("said"))


def _cluster_cores() -> int:
    import ray

    return int(ray.cluster_resources()["CPU"])


@cache
def _on_ray() -> bool:
    """Return whether Daft has a cluster; to tell, it would import Ray, which takes a second."""
    if "ray" in sys.modules:
        return str(daft.get_or_infer_runner_type()) == "ray"
    daft.set_runner_native()
    return False


class _Worker:
    """Does tasks, in a process of its own where there are several."""

    def __init__(self, work: Pass, recipe: Recipe) -> None:
        self._work = work
        self._recipe = recipe

    def do(self, task: str) -> str:
        """Do one task, and say where; an error of the contract travels as text too."""
        said = [socket.gethostname()]
        try:
            self._work(self._recipe.open(), json.loads(task))
        except errors.StepError as error:  # which Daft would wrap
            said += [type(error).__name__, str(error)]
        return json.dumps(said)


def _raised(kind: str, message: str) -> errors.StepError:
    found: type[errors.StepError] = getattr(errors, kind)
    return found(message)
