"""Near-deduplication and nothing else: python -m bench.corpus.near_alone TABLES OUT.

The passes of the stage themselves, on tables instead of on what its first pass leaves: read,
shingles, signatures and bands, groups of files that share a band, shingles of the candidates, true
similarity and the keep rule; then what is left is read again and written. OREMILL_SPEC and the
other variables of pipeline_steps.run say where it works.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps import run
from pipeline_steps.corpus import __main__ as stage
from pipeline_steps.corpus.partitions import Item, Partition
from pipeline_steps.corpus.screen import KEYS
from pipeline_steps.corpus.work import Work
from pipeline_steps.limits import cores


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
        with ThreadPoolExecutor(cores()) as pool:
            rows = [gone.get(number, []) for number in range(len(tables))]
            list(pool.map(_write, tables, rows, [out / table.name for table in tables]))
        ledger.write(out.parent / "ledger.parquet")


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


def _write(table: Path, gone: list[int], out: Path) -> None:
    """Write what is left of a table; the rows that are gone are those of the keep rule."""
    dropped = pa.array(gone, pa.int64())
    with pq.ParquetFile(table) as rows, pq.ParquetWriter(out, rows.schema_arrow) as left:
        for group in range(rows.num_row_groups):
            found = rows.read_row_group(group)
            left.write_table(found.filter(pc.invert(pc.is_in(found["row"], dropped))))


if __name__ == "__main__":
    main()
