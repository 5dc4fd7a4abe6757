"""Where every file went: counters of each stage, and a row for each file that was dropped."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

# In the order in which files meet them. A file is dropped by the first that refuses it.
STAGES = (
    "read", "language", "licence", "quality", "exact-dedup", "decontamination", "near-dedup",
    "redaction",
)  # fmt: skip

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("repository", pa.string()),
        ("path", pa.string()),
        ("bytes", pa.int64()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("value", pa.string()),
    ]
)


@dataclass
class Ledger:
    """What was dropped, by stage, and what each stage saw."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    edits: Counter[str] = field(default_factory=Counter)  # of the redaction stage

    def drop(self, row: dict[str, Any], stage: str, reason: str, value: str = "") -> None:
        """Enter a file that `stage` refused."""
        kept = {name: row[name] for name in ("source", "repository", "path", "bytes")}
        self.rows.append({**kept, "stage": stage, "reason": reason, "value": value})

    def table(self) -> pa.Table:
        """Return the ledger in (source, repository, path) order."""
        rows = sorted(self.rows, key=lambda row: tuple(row.values()))
        return pa.Table.from_pylist(rows, schema=SCHEMA)

    def by_stage(self) -> dict[str, dict[str, int]]:
        """Return stage -> reason -> number of files."""
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.rows:
            counted[row["stage"]][row["reason"]] += 1
        return {stage: dict(sorted(counted[stage].items())) for stage in STAGES}

    def counters(self, files: int, size: int) -> dict[str, Any]:
        """Return each stage's files and bytes in and out, and its drops by reason.

        Args:
            files: kept at the end.
            size: bytes of them before redaction.
        """
        reasons = self.by_stage()
        lost: Counter[str] = Counter()
        for row in self.rows:
            lost[row["stage"]] += row["bytes"]
        stages: list[dict[str, Any]] = []
        for stage in reversed(STAGES):  # from what is left back to what came in
            dropped = sum(reasons[stage].values())
            stages.append(
                {
                    "stage": stage,
                    "filesIn": files + dropped,
                    "filesOut": files,
                    "bytesIn": size + lost[stage],
                    "bytesOut": size,
                    "dropped": reasons[stage],
                }
            )
            files, size = files + dropped, size + lost[stage]
        return {"stages": stages[::-1], "redacted": dict(sorted(self.edits.items()))}
