"""Write the corpus as Parquet whose bytes depend on its rows alone.

Rows come sorted, shards and row groups are cut by bytes of content, and every writer setting that
changes a byte is set here. The Parquet library's version is in the manifest.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # 32 hexadecimal digits: hash of where it was and what it is now
        ("source", pa.string()),
        ("repository", pa.string()),
        ("path", pa.string()),
        ("language", pa.string()),
        ("licence", pa.string()),
        ("content", pa.large_string()),
        ("bytes", pa.int64()),  # of content
    ]
)
SHARD = 256 * 2**20  # bytes of content of a shard, a row more at most
ROW_GROUP = 16 * 2**20  # what a reader must hold at once


def write(rows: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Write rows to folder/data/shard-<number>.parquet; an empty corpus is one empty shard."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    paths = []
    for number, shard in enumerate(_cut(rows, SHARD)):
        paths.append(folder / "data" / f"shard-{number:05d}.parquet")
        with _writer(paths[-1], SCHEMA) as writer:
            for group in _cut(shard, ROW_GROUP):
                writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA))
    return paths


def write_table(table: pa.Table, path: Path) -> None:
    """Write a small table with the settings of the shards."""
    with _writer(path, table.schema) as writer:
        writer.write_table(table)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        version="2.6",
        data_page_version="1.0",
        use_dictionary=["source", "repository", "language", "licence", "stage", "reason"],
        write_statistics=True,
    )


def _cut(rows: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield runs of rows that end as soon as they hold `size` bytes."""
    run: list[dict[str, Any]] = []
    held = 0
    for row in rows:
        run.append(row)
        held += row["bytes"]
        if held >= size:
            yield run
            run, held = [], 0
    if run or not rows:
        yield run
