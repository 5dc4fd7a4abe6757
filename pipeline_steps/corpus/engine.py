"""Run a pass over many partitions on every core: Daft holds the processes and deals out the tasks.

A task is small, and so is what it returns; the texts go through files, since Daft would hand them
from process to process in /dev/shm, of which a pod has 64 MB. On a Ray cluster (machines.py) Ray
deals them to the nodes instead (dealer.py).
"""

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import daft

from pipeline_steps.corpus.context import Recipe
from pipeline_steps.corpus.worker import Pass, Worker, heard

__all__ = ["Pass", "each"]

log = logging.getLogger(__name__)


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
    texts, by = [json.dumps(task) for task in tasks], Counter[str]()
    for count, said in enumerate(_said(work, recipe, texts, workers), 1):
        by[heard(said)] += 1
        yield count
    log.info("done by %s", ", ".join(f"{machine} {by[machine]}" for machine in sorted(by)))


def _said(work: Pass, recipe: Recipe, tasks: list[str], workers: int) -> Iterator[str]:
    """Yield what each task says, by whichever engine does it."""
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        from pipeline_steps.corpus.dealer import dealt

        yield from dealt(Worker(work, replace(recipe, places=None)), tasks)
        return
    _choose_native()
    # Else the results wait for each other, and every worker for the slowest of its round.
    daft.set_execution_config(maintain_order=False)
    if workers > 1:
        do = daft.cls(Worker, max_concurrency=workers, use_process=True)(work, recipe).do
    else:
        alone = Worker(work, recipe)
        do = daft.func(alone.do, return_dtype=daft.DataType.string(), use_process=False)
    frame = daft.from_pydict({"task": tasks}).into_batches(1)
    for row in frame.select(do(frame["task"]).alias("said")).iter_rows():
        yield str(row["said"])


@cache
def _choose_native() -> None:
    """Choose Daft's runner: to find out which it is, Daft would import Ray, for a second."""
    if "ray" not in sys.modules:
        daft.set_runner_native()
