"""What the near-deduplication of each tool removed from the same files, and whether it should."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from bench.corpus import agreement
from bench.corpus.agreement import Bands
from bench.corpus.runs import Run
from bench.corpus.tables import Planted, Sample, texts

OURS = "near-part"
EIGHTY, EIGHTY_FIVE = (0.80, 0.82), (0.85, 0.87)  # similarities of planted pairs
HEADER = (
    "near-dedup",
    "files removed",
    "agrees with ours",
    "finds pairs at .80",
    "at .85",
    "below .70",
    "unlike any kept file, by our words",
    "by datatrove's words",
)


@dataclass(frozen=True)
class Judged:
    """What a tool removed."""

    name: str
    removed: int
    agrees: float  # with ours: removed by both, as a share of those that either removed
    recalls: tuple[float, float, float]  # of planted pairs from .80, from .85, and below .70
    below: tuple[float, float]  # shares of the real files removed, by our words and datatrove's


def judge(runs: Mapping[str, Run], part: Sample, planted: Sequence[Planted]) -> Iterator[Judged]:
    """Yield what each run that wrote tables of the part removed."""
    names = {name for name, _ in texts(part.tables)}
    left = {
        run.name: agreement.left(run.out)
        for run in runs.values()
        if run.sample is part and "near" in run.name and run.out.exists() and not run.cost.failed
    }
    words = [Bands.of(part, cut) for cut in (agreement.own_words, agreement.datatroves_words)]
    ours = names - left[OURS]
    for name, kept in left.items():
        removed = names - kept
        drawn = agreement.sample(removed)
        below = [agreement.below(agreement.best(part, bands, drawn, kept)) for bands in words]
        yield Judged(
            name,
            len(removed),
            agreement.agreement(removed, ours),
            _recalls(removed, planted),
            (below[0], below[1]),
        )


def _recalls(removed: Collection[str], planted: Sequence[Planted]) -> tuple[float, float, float]:
    first, second, third = (
        agreement.recall(removed, planted, *span) for span in (EIGHTY, EIGHTY_FIVE, (0.60, 0.70))
    )
    return first, second, third


def row(one: Judged) -> tuple[str, ...]:
    """Return the row of a table."""
    first, second, third = one.recalls
    shares = [f"{100 * share:.1f} %" for share in one.below]
    found = [f"{recall:.3f}" for recall in (first, second, third)]
    return one.name, f"{one.removed:,}", f"{one.agrees:.2f}", *found, *shares


def unlike(run: Run) -> int:
    """Return how many of our removed files are unlike the file that the ledger names.

    Every file is read again, and its similarity counted anew.
    """
    ledger = pq.read_table(run.out.parent / "ledger.parquet").to_pylist()
    pairs = [
        (f"{row['repository']}/{row['path']}", row["value"].partition(" ")[2].partition("/")[2])
        for row in ledger
        if row["stage"] == "near-dedup"
    ]
    wanted = {name for pair in pairs for name in pair}
    cut = {
        name: agreement.own_words(text) for name, text in texts(run.sample.tables) if name in wanted
    }
    similar = [agreement.jaccard(cut[copy], cut[kept]) for copy, kept in pairs]
    return sum(one < agreement.THRESHOLD for one in similar)
