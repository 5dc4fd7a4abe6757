"""What a corpus is made of and what each stage took: counts over the ledger's tables.

They read the view `fates` (a row a file, with the stage and the reason of its drop) and the table
`kept` (a row for each file of the corpus).
"""

from typing import Any

import duckdb

from pipeline_steps.corpus import policy
from pipeline_steps.corpus.finish import EDITS
from pipeline_steps.corpus.stages import STAGES


def results(db: duckdb.DuckDBPyConnection) -> dict[str, float | int | str]:
    """Return the numbers of status: what is left, what each stage dropped, what was replaced."""
    left = db.execute(
        "SELECT count(*), count(DISTINCT (source, repository)) FROM fates WHERE stage = ''"
    ).fetchall()
    size = db.execute("SELECT coalesce(sum(size * times), 0)::BIGINT FROM kept").fetchall()
    stages = funnel(db)
    lost = {stage["stage"]: stage["filesIn"] - stage["filesOut"] for stage in stages}
    return {
        "files": left[0][0],
        "bytes": size[0][0],
        "repositories": left[0][1],
        "dropped": sum(lost.values()),
        **{f"dropped/{stage}": count for stage, count in lost.items() if count},
        **{f"redacted/{kind}": count for kind, count in edits(db).items() if count},
    }


def counters(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the manifest's counters: each stage's, and what the corpus is made of."""
    return {
        "stages": funnel(db),
        "redacted": edits(db),
        "sources": _totals(db, "source"),
        "languages": _totals(db, "language"),
        "licences": _totals(db, "licence"),
        "licenceCosts": policy.licence_costs(db),
        "tags": _tags(db),
    }


def funnel(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return each stage's files and bytes in and out, and its drops by reason."""
    drops: dict[str, dict[str, int]] = {stage: {} for stage in STAGES}
    lost = dict.fromkeys(STAGES, 0)
    files = size = 0
    for stage, reason, count, amount in db.execute(
        "SELECT stage, reason, count(*), sum(bytes)::BIGINT FROM fates GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        files, size = files + count, size + amount
        if stage:
            drops[stage][reason] = count
            lost[stage] += amount
    return _funnel(files, size, drops, lost)


def _funnel(
    files: int, size: int, drops: dict[str, dict[str, int]], lost: dict[str, int]
) -> list[dict[str, Any]]:
    told = []
    for stage in STAGES:
        left, rest = files - sum(drops[stage].values()), size - lost[stage]
        told.append(
            {
                "stage": stage,
                "filesIn": files,
                "filesOut": left,
                "bytesIn": size,
                "bytesOut": rest,
                "dropped": drops[stage],
            }
        )
        files, size = left, rest
    return told


def edits(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how much redaction has replaced, by kind."""
    sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in EDITS)
    found = db.execute(f"SELECT {sums} FROM kept").fetchall()
    return dict(zip(EDITS, found[0], strict=True))


def _totals(db: duckdb.DuckDBPyConnection, column: str) -> dict[str, dict[str, int]]:
    """Return files and bytes, before redaction, of what is kept by a column's value."""
    found = db.execute(
        f"SELECT {column}, count(*), sum(bytes)::BIGINT FROM fates WHERE stage = ''"
        " GROUP BY 1 ORDER BY 1"
    )
    return {name: {"files": files, "bytes": size} for name, files, size in found.fetchall()}


def _tags(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many kept files have each insecure pattern."""
    found = db.execute(
        "SELECT tag, count(*) FROM (SELECT unnest(string_split(tags, ' ')) AS tag FROM fates"
        " WHERE stage = '' AND tags <> '') GROUP BY 1 ORDER BY 1"
    )
    return dict(found.fetchall())
