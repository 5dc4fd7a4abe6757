"""What deduplication found: clusters of a kept file and its copies, as queries over the ledger.

They read the view `fates`, as policy.py does. The value of a file that was dropped as a copy is the
similarity and the place of the file that it is a copy of. That one may be dropped itself, as a near
duplicate of a third: then all are of the third one's cluster.
"""

from typing import Any

import duckdb

PLACE = "source || '/' || repository || '/' || path"
_COPIES = f"""
WITH copies AS (
    SELECT stage, bytes, {PLACE} AS place, source || '/' || repository || '/' AS home,
        substr(value, instr(value, ' ') + 1) AS first,
        split_part(value, ' ', 1)::DOUBLE AS similarity
    FROM fates WHERE stage IN ('exact-dedup', 'near-dedup')),
nearly AS (SELECT place, min(first) AS first FROM copies WHERE stage = 'near-dedup' GROUP BY 1),
clusters AS (
    SELECT coalesce(nearly.first, copies.first) AS first, count(*) AS copies,
        sum(bytes)::BIGINT AS bytes
    FROM copies LEFT JOIN nearly
    ON copies.stage = 'exact-dedup' AND nearly.place = copies.first GROUP BY 1)
"""
Rows = list[dict[str, Any]]


def kinds(db: duckdb.DuckDBPyConnection) -> Rows:
    """Return copies by stage: `files`, `bytes`, and `inside`, those of their own repository."""
    return _rows(
        db,
        "SELECT stage, count(*) AS files, sum(bytes)::BIGINT AS bytes,"
        " count(*) FILTER (starts_with(first, home)) AS inside"
        " FROM copies GROUP BY ALL ORDER BY stage",
    )


def sizes(db: duckdb.DuckDBPyConnection) -> Rows:
    """Return how many clusters have 2, 3 to 4, 5 to 8 ... files, and what was dropped of them."""
    return _rows(
        db,
        "SELECT (1::BIGINT << length(bin(copies)))::BIGINT AS most, count(*) AS clusters,"
        " sum(copies)::BIGINT AS files, sum(bytes)::BIGINT AS bytes"
        " FROM clusters GROUP BY ALL ORDER BY most",
    )


def similarities(db: duckdb.DuckDBPyConnection) -> Rows:
    """Return how many near-duplicates are how similar to the file that is kept, by twentieths."""
    return _rows(
        db,
        "SELECT least(floor(similarity * 20 + 1e-9), 19)::INT AS twentieth, count(*) AS files,"
        " sum(bytes)::BIGINT AS bytes"
        " FROM copies WHERE stage = 'near-dedup' GROUP BY ALL ORDER BY twentieth",
    )


def largest(db: duckdb.DuckDBPyConnection, most: int) -> Rows:
    """Return the clusters with most copies: the place of the kept file, copies, their bytes."""
    return _rows(db, f"SELECT * FROM clusters ORDER BY copies DESC, first LIMIT {most}")


def _rows(db: duckdb.DuckDBPyConnection, query: str) -> Rows:
    found = db.execute(_COPIES + query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
