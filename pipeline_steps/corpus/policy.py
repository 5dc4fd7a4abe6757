"""What a spec's policies cost: queries over the ledger's tables, for its report.

They read the view `fates` (a row a file: language, licence, bytes, and the stage and reason of its
drop) and write the table `drops`, as the ledger's own queries do.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

_DECIDED = ("opt-out", "read", "language")  # stages before a licence is judged


def drop_beyond_caps(db: duckdb.DuckDBPyConnection, caps: Mapping[str, int]) -> None:
    """Drop what is left of a language beyond its bytes.

    Files are taken in the order of their content's hash, which is as good as drawn by lot, the same
    in every run, and stable: a corpus that grows keeps most of what it had.
    """
    for name, most in sorted(caps.items()):
        db.execute(
            "INSERT INTO drops SELECT part, row, 'language', 'over-cap', language FROM ("
            " SELECT part, row, language, sum(bytes) OVER ("
            " ORDER BY sha256, source, repository, path, part, row) AS total"
            " FROM fates WHERE stage = '' AND language = ?) WHERE total > ?",
            [name, most],
        )


def licence_costs(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return what each decision about licences kept and cost, by files, bytes and share of bytes.

    Returns:
        `judged`: files and bytes that met the licence stage; `kept`, `unlicensed` (kept or
        dropped), `notAllowed`: parts of it; `licences`: the same by SPDX expression, the largest
        first, with the decision.
    """
    rows = db.execute(
        "SELECT licence, CASE WHEN stage <> 'licence' THEN 'kept' ELSE reason END AS decision,"
        " count(*), sum(bytes)::BIGINT FROM fates WHERE stage NOT IN ? GROUP BY ALL"
        " ORDER BY 4 DESC, 1, 2",
        [_DECIDED],
    ).fetchall()
    whole = sum(size for *_, size in rows)

    def total(chosen: list[tuple[Any, ...]]) -> dict[str, float]:
        files, size = sum(row[2] for row in chosen), sum(row[3] for row in chosen)
        return {"files": files, "bytes": size, "share": round(size / max(1, whole), 6)}

    return {
        "judged": total(rows),
        "kept": total([row for row in rows if row[1] == "kept"]),
        "unlicensed": total([row for row in rows if not row[0]]),
        "notAllowed": total([row for row in rows if row[1] == "not-allowed"]),
        "licences": [
            {"licence": row[0], "decision": row[1], **total([row])} for row in rows if row[0]
        ],
    }
