"""Write Parquet whose bytes depend on its rows alone.

Row groups are cut by bytes of content, and every writer setting that changes a byte is set here.
The Parquet library's version is in the manifest.
"""

from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        # 32 hexadecimal digits: hash of where it was and what it is now. It names a text, no row:
        # copies that the mixture adds share it, as do rows of a table that are alike in all.
        ("id", pa.string()),
        ("source", pa.string()),
        ("role", pa.string()),  # code, math or text, as the spec says of the source
        ("repository", pa.string()),
        ("path", pa.string()),
        ("language", pa.string()),
        ("licence", pa.string()),
        ("tags", pa.string()),  # insecure patterns that it has, parted by spaces
        ("content", pa.large_string()),
        ("bytes", pa.int64()),  # of content
    ]
)
ROW_GROUP = 16 * 2**20  # bytes of content: what a reader must hold at once
ROWS, BYTES = 1024, 4 * 2**20  # that wait as Python's objects, many times as large as Arrow's
_REPEATED = ("source", "role", "repository", "language", "licence", "stage", "reason", "shard")


class Writer:
    """A Parquet file that is written row by row."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._schema = schema
        self._rows: list[dict[str, Any]] = []
        self._packed: list[pa.Table] = []  # of the row group, too
        self._waiting = self._held = 0  # bytes of the rows, and of the row group
        self._file = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=3,
            version="2.6",
            data_page_version="1.0",
            use_dictionary=[name for name in _REPEATED if name in schema.names],
            write_statistics=True,
        )

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
        self._file.close()

    def write(self, row: dict[str, Any], size: int) -> None:
        """Add a row.

        Args:
            row: values by column.
            size: bytes by which row groups are cut.
        """
        self._rows.append(row)
        self._waiting += size
        self._held += size
        if self._held >= ROW_GROUP:
            self._flush()
        elif self._waiting >= BYTES or len(self._rows) >= ROWS:
            self._pack()

    def write_table(self, table: pa.Table) -> None:
        """Add a whole table as one row group."""
        self._file.write_table(table)

    def _pack(self) -> None:
        if self._rows:
            self._packed.append(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._waiting = [], 0

    def _flush(self) -> None:
        self._pack()
        if self._packed:
            # In one piece, or the pages' borders, and so the bytes, would depend on the pieces.
            self._file.write_table(pa.concat_tables(self._packed).combine_chunks())
        self._packed, self._held = [], 0
