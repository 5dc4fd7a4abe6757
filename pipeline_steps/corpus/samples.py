"""What was dropped, and a few examples of each reason, as queries over the ledger.

They read the view `fates`, as policy.py does. The examples are those whose places have the smallest
hashes: as good as drawn by lot, and the same in every run.
"""

from dataclasses import dataclass
from typing import Any

import duckdb

from pipeline_steps.corpus.clusters import PLACE
from pipeline_steps.corpus.stages import STAGES


@dataclass(frozen=True)
class Dropped:
    """What one reason dropped."""

    stage: str
    reason: str
    files: int
    bytes: int
    examples: list[dict[str, Any]]  # place, value, bytes


def dropped(db: duckdb.DuckDBPyConnection, examples: int) -> list[Dropped]:
    """Return every reason, in the order of the stages, with at most so many examples."""
    found = db.execute(
        "SELECT stage, reason, count(*), sum(bytes)::BIGINT,"
        f" arg_min({{'place': {PLACE}, 'value': value, 'bytes': bytes}},"
        f" sha256('sample/' || {PLACE} || '/' || sha256) || value, {examples})"
        " FROM fates WHERE stage <> '' GROUP BY ALL"
    )
    rows = [Dropped(*row) for row in found.fetchall()]
    return sorted(rows, key=lambda row: (STAGES.index(row.stage), -row.files, row.reason))


def sources(db: duckdb.DuckDBPyConnection) -> list[tuple[str, int, int, int, int]]:
    """Return of each source its name, files and bytes that were read, and that are kept."""
    return db.execute(
        "SELECT source, count(*), sum(bytes)::BIGINT, count(*) FILTER (stage = ''),"
        " coalesce(sum(bytes) FILTER (stage = ''), 0)::BIGINT"
        " FROM fates GROUP BY 1 ORDER BY 1"
    ).fetchall()
