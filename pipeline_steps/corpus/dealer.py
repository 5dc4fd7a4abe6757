"""Deal the tasks of a pass to the nodes of a Ray cluster, as Ray's own tasks.

As many are under way as the nodes have cores, so a node that has done one gets the next. Ray keeps
their processes for the tasks that follow, of later passes too. Nothing is tried again: what was
made is in the bucket, and what went wrong must be told (docs/decisions/0005).
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import ray

from pipeline_steps.corpus.worker import Worker


def dealt(worker: Worker, tasks: Sequence[str]) -> Iterator[str]:
    """Yield what the worker says of each task, as they are done; they are begun in their order.

    Raises:
        ray.exceptions.RayError: a process or a node was lost.
    """
    deal = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(_do)
    sent, rest = ray.put(worker), iter(tasks)
    cores = int(ray.cluster_resources()["CPU"])
    under_way: list[Any] = [deal.remote(sent, task) for task in islice(rest, cores)]
    while under_way:
        (done, *_), under_way = ray.wait(under_way, num_returns=1)
        said: str = ray.get(done)
        under_way += [deal.remote(sent, task) for task in islice(rest, 1)]
        yield said


def _do(worker: Worker, task: str) -> str:
    return worker.do(task)
