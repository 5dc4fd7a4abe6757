"""The operator's Prometheus metrics.

Labels are bounded. An object's name stands only on gauges of objects that exist, which a collector
reads from their last status: a deleted object takes its series with it.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from oremill.specs.status import JobStatus
from oremill.stage import Key

REGISTRY = CollectorRegistry()
RECONCILES = Counter(
    "oremill_reconcile",
    "Looks at an object, by result: done, conflict, error.",
    ["kind", "result"],
    registry=REGISTRY,
)
RECONCILE_SECONDS = Histogram(
    "oremill_reconcile_seconds",
    "Seconds of one look.",
    ["kind"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
QUEUE_DEPTH = Gauge(
    "oremill_queue_depth", "Objects that are due or looked at now.", registry=REGISTRY
)
LEADING = Gauge(
    "oremill_leading", "1 while this operator leads, 0 while it stands by.", registry=REGISTRY
)
BUILD = Gauge("oremill_build_info", "1, with the version.", ["version"], registry=REGISTRY)

_OBJECT = ["kind", "namespace", "name"]


class Objects(Collector):
    """Gauges of the objects that exist."""

    def __init__(self, statuses: Callable[[], Iterable[tuple[Key, JobStatus]]]) -> None:
        self._statuses = statuses

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, read from the statuses of this moment."""
        statuses = list(self._statuses())
        yield _phases(statuses)
        yield _blocked(statuses)
        yield from _per_object(statuses)


def _phases(statuses: list[tuple[Key, JobStatus]]) -> Metric:
    family = GaugeMetricFamily("oremill_objects", "Objects by phase.", labels=["kind", "phase"])
    tally = Tally((key.kind, status.phase) for key, status in statuses)
    for labels, number in tally.items():
        family.add_metric(labels, number)
    return family


def _blocked(statuses: list[tuple[Key, JobStatus]]) -> Metric:
    family = GaugeMetricFamily(
        "oremill_object_conditions",
        "Objects by condition and reason.",
        labels=["kind", "condition", "status", "reason"],
    )
    tally = Tally(
        (key.kind, item.type, item.status, item.reason)
        for key, status in statuses
        for item in status.conditions
    )
    for labels, number in tally.items():
        family.add_metric(labels, number)
    return family


def _per_object(statuses: list[tuple[Key, JobStatus]]) -> Iterator[Metric]:
    progress = GaugeMetricFamily(
        "oremill_object_progress_ratio", "Share of a step that is done.", labels=_OBJECT
    )
    restarts = GaugeMetricFamily(
        "oremill_object_restarts", "Counted restarts of the current run.", labels=_OBJECT
    )
    results = GaugeMetricFamily(
        "oremill_object_result",
        "Last value of a finished object's result.",
        labels=[*_OBJECT, "result"],
    )
    for key, status in statuses:
        names = [key.kind, key.namespace, key.name]
        restarts.add_metric(names, status.restarts)
        if status.progress.total:
            progress.add_metric(names, status.progress.step / status.progress.total)
        for item in status.results:
            value = _number(item.value)
            if value is not None:
                results.add_metric([*names, item.name], value)
    yield from (progress, restarts, results)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
