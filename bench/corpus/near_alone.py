"""Near-deduplication and nothing else: python -m bench.corpus.near_alone TABLES OUT.

The passes of the stage themselves, on tables instead of on what its first pass leaves: read,
shingles, signatures and bands, groups of files that share a band, shingles of the candidates, true
similarity and the keep rule; then what is left is read again and written. OREMILL_SPEC and the
other variables of pipeline_steps.run say where it works. Prints JSON: the bytes left on its disk.
"""

import json
import sys
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps import run
from pipeline_steps.corpus import __main__ as stage
from pipeline_steps.corpus import engine
from pipeline_steps.corpus.context import Context, Recipe
from pipeline_steps.corpus.partitions import Item, Partition
from pipeline_steps.corpus.screen import KEYS
from pipeline_steps.corpus.work import Work


def main() -> None:
    """Deduplicate."""
    tables, out = sorted(Path(sys.argv[1]).glob("*.parquet")), Path(sys.argv[2])
    out.mkdir(parents=True)
    step = run.load(run.Places.from_environment())
    spec = cast(DataCorpusSpec, step.spec)
    with stage._ledger(step, spec) as ledger:
        work = Work(step, spec, [_partition(*numbered) for numbered in enumerate(tables)], ledger)
        for partition, table in zip(work.partitions, tables, strict=True):
            _enter(work, partition, table)
        stage._study(work)
        stage._drop_near(work)
        gone = ledger.dropped()
        tasks = [
            {"table": str(table), "gone": gone.get(number, []), "out": str(out / table.name)}
            for number, table in enumerate(tables)
        ]
        for _ in engine.each(drop, Recipe.of(step), tasks, work.workers):
            pass
        ledger.write(out.parent / "ledger.parquet")
    print(json.dumps({"disk": _disk(step.scratch)}))


def _partition(number: int, table: Path) -> Partition:
    size = table.stat().st_size
    return Partition(number, (Item("tables", 0, "", "code", table.name, size, ""),))


def _enter(work: Work, partition: Partition, table: Path) -> None:
    """Make a table the texts of a partition, and enter its files into the ledger."""
    context, keys = work.context, work.name(partition, "keys", ".parquet")
    texts = context.parts.local(work.name(partition, "texts", ".parquet"))
    for path in (texts, context.parts.local(keys)):
        path.parent.mkdir(parents=True, exist_ok=True)
    texts.symlink_to(table)
    rows = pq.read_table(table, columns=["row", "repository", "path"])
    said = {"source": "tables", "bytes": 0, "tokens": 0}
    for field in KEYS:
        if field.name not in rows.column_names:
            value = pa.scalar(said.get(field.name, ""), field.type)
            rows = rows.append_column(field, pa.repeat(value, len(rows)))
    pq.write_table(rows, context.parts.local(keys))
    work.ledger.add_screened(partition.number, work.part(partition, "keys"))


def drop(context: Context, task: dict[str, Any]) -> None:
    """Write what is left of a table.

    Args:
        context: of the stage.
        task: `table`, `out`, and `gone`, the rows that were dropped.
    """
    with (
        pq.ParquetFile(task["table"]) as table,
        pq.ParquetWriter(task["out"], table.schema_arrow, compression="zstd") as out,
    ):
        for group in range(table.num_row_groups):
            rows = table.read_row_group(group)
            gone = pc.is_in(rows["row"], pa.array(task["gone"], pa.int64()))
            out.write_table(rows.filter(pc.invert(gone)))


def _disk(scratch: Path) -> int:
    """Return the bytes of the ledger and the parts; of links to the tables, none."""
    return sum(
        path.lstat().st_size
        for path in scratch.rglob("*")
        if path.is_file() and not path.is_symlink()
    )


if __name__ == "__main__":
    main()
