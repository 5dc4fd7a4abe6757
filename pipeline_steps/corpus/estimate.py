"""What all of the input would give and cost, from a sample of it: a ratio and its interval.

Whatever is measured in a sample is divided by the sample's bytes, as the sources list them, and
multiplied by those of the whole input, which are known. Repositories come into partitions by the
hash of their name, so the partitions of a sample are groups drawn by lot: how much their ratios
differ gives the 95 % interval (random groups; Wolter, Introduction to Variance Estimation, 2nd ed.,
chapter 2), with Student's quantile, since they are few.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import duckdb

from pipeline_steps.corpus.meter import Cost
from pipeline_steps.corpus.partitions import Item, Partition

HOUR = 3600.0  # seconds
SURE = 0.975  # quantile of each side of a 95 % interval
ASSUMES = (
    "What is not in the sample is like it: costs and yields grow with the bytes of the input.",
    "Copies and near-duplicates of other repositories are found where both are in the sample, so "
    "of the whole less is kept than is estimated, and the stages after them cost less.",
    "The pass over candidates for near-duplicates grows faster than the input where many files are "
    "alike; its share of the cost is in the table.",
    "CPU hours are those of this machine's cores; the start of processes is not in them.",
)


@dataclass(frozen=True)
class Range:
    """An estimate, and its 95 % interval where there are groups to tell it from."""

    estimate: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Sampled:
    """A sample and the input that it is of."""

    partitions: Sequence[Partition]
    items: Sequence[Item]  # of the whole input

    @property
    def sizes(self) -> dict[int, int]:
        """Bytes of each partition, as the sources list them."""
        return {one.number: sum(item.size for item in one.items) for one in self.partitions}

    @property
    def whole(self) -> int:
        """Bytes of the whole input."""
        return sum(item.size for item in self.items)

    @property
    def left_out(self) -> float:
        """Share of the input's items that is not in the sample."""
        drawn = sum(len(one.items) for one in self.partitions)
        return 1 - drawn / len(self.items)

    def total(self, measured: Mapping[int, float], beside: float = 0.0) -> Range:
        """Return what a quantity is in the whole input.

        Args:
            measured: partition -> the quantity in it; one that is missing has none.
            beside: what cannot be told apart by partition.
        """
        sizes = self.sizes
        drawn = max(1, sum(sizes.values()))
        each = [
            (size, measured.get(number, 0.0) + beside * size / drawn)
            for number, size in sizes.items()
        ]
        found = sum(value for _, value in each)
        estimate = found * self.whole / drawn
        if len(each) < 2:
            return Range(estimate)
        spread = sum((value - found / drawn * size) ** 2 for size, value in each) / (len(each) - 1)
        error = self.whole / drawn * sqrt(len(each) * spread * self.left_out)
        around = _quantile(len(each) - 1) * error
        return Range(estimate, max(found, estimate - around), estimate + around)


def counters(
    sampled: Sampled,
    costs: Mapping[int, Cost],
    own: Cost,
    kept: Mapping[int, tuple[int, int]],
) -> dict[str, Any]:
    """Return what the manifest says of the whole input.

    Args:
        sampled: the sample.
        costs: what the parts cost, by partition.
        own: what was spent between the passes.
        kept: files and bytes that are in the corpus, by partition.
    """
    stages = Cost.sum([own, *costs.values()]).stages

    def whole(of: Callable[[Cost], float], scale: float = 1.0) -> dict[str, Any]:
        measured = {number: of(cost) / scale for number, cost in costs.items()}
        return asdict(sampled.total(measured, of(own) / scale))

    return {
        "items": {"drawn": sum(len(one.items) for one in sampled.partitions)}
        | {"of": len(sampled.items)},
        "inputBytes": {"drawn": sum(sampled.sizes.values()), "of": sampled.whole},
        "files": asdict(sampled.total({number: files for number, (files, _) in kept.items()})),
        "bytes": asdict(sampled.total({number: size for number, (_, size) in kept.items()})),
        "cpuHours": whole(lambda cost: cost.total, HOUR),
        "stages": {
            stage: {
                "bytes": whole(lambda cost, of=stage: cost.bytes.get(of, 0)),  # type: ignore[misc]
                "cpuHours": whole(lambda cost, of=stage: cost.seconds.get(of, 0.0), HOUR),  # type: ignore[misc]
            }
            for stage in stages
        },
        "assumes": ASSUMES,
    }


def kept(db: duckdb.DuckDBPyConnection) -> dict[int, tuple[int, int]]:
    """Return files and bytes of the corpus, by partition; a query for the ledger."""
    found = db.execute(
        "SELECT part, count(*), sum(size * times)::BIGINT FROM kept GROUP BY part ORDER BY part"
    )
    return {part: (files, size) for part, files, size in found.fetchall()}


def results(told: Mapping[str, Any]) -> dict[str, float | int | str]:
    """Return the numbers of status."""
    return {
        "estimatedBytes": round(told["bytes"]["estimate"]),
        "estimatedFiles": round(told["files"]["estimate"]),
        "estimatedCpuHours": round(told["cpuHours"]["estimate"], 4),
    }


def lines(told: Mapping[str, Any]) -> list[str]:
    """Return the estimate as people read it, a line a stage."""
    share = told["inputBytes"]["drawn"] / max(1, told["inputBytes"]["of"])
    rows = [("stage", "GB", "CPU hours", "95 %")]
    rows += [
        (stage, _shown(one["bytes"]["estimate"] / 1e9), *_hours(one["cpuHours"]))
        for stage, one in told["stages"].items()
    ]
    rows.append(("all", _shown(told["inputBytes"]["of"] / 1e9), *_hours(told["cpuHours"])))
    return [
        f"{told['items']['drawn']} of {told['items']['of']} items, {share:.2%} of their bytes; "
        f"all of them would keep {told['files']['estimate']:,.0f} files, "
        f"{_shown(told['bytes']['estimate'] / 1e9)} GB",
        *(f"{a:16}{b:>14}{c:>14}  {d}" for a, b, c, d in rows),
    ]


def _hours(given: Mapping[str, Any]) -> tuple[str, str]:
    around = "" if given["low"] is None else f"{_shown(given['low'])} to {_shown(given['high'])}"
    return _shown(given["estimate"]), around


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _quantile(freedom: int) -> float:
    """Return Student's quantile."""
    from scipy.special import stdtrit  # an import of a tenth of a second

    return float(stdtrit(freedom, SURE))
