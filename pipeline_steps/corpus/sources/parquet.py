"""Parquet files of the bucket, a few row groups at a time and never a whole file."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oremill.specs.corpus import Rows
from pipeline_steps.corpus.partitions import TARGET, Item
from pipeline_steps.corpus.sources import streams
from pipeline_steps.corpus.sources.columns import Columns, Row
from pipeline_steps.corpus.sources.found import Found
from pipeline_steps.corpus.sources.jsonl import name
from pipeline_steps.corpus.sources.members import dropped
from pipeline_steps.corpus.sources.remote import CHUNK, opened
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.errors import UserError
from pipeline_steps.storage import Object, Store

SUFFIX = ".parquet"
BLOB = 3000  # bytes of a row's blob that is an object of its own, about
ROWS = 64  # decoded at once; of repositories one, which may have gigabytes


def found(
    tables: Rows, columns: Columns, store: Store, needed: str, row: int = 0
) -> Iterator[Found]:
    """Yield the row groups of every file below the prefix, as many as make a partition.

    What is no table is yielded, too, to be told of.

    Args:
        tables: of the spec.
        columns: to look at.
        store: the bucket.
        needed: the field without whose column there is no file.
        row: bytes that a row stands for, where they are not in the file.

    Raises:
        UserError: a table lacks that column: told now rather than hours later.
    """
    for item in store.list(tables.prefix):
        shown, known = name(item.key, tables.prefix, (SUFFIX,)), item.key.lower().endswith(SUFFIX)
        parts = _parts(store, item, columns, needed, row) if known else [("", item.size)]
        for part, size in parts:
            yield Found(shown, item.key, size, item.etag, part, ignored=not known)


def read(item: Item, columns: Columns, store: Store, spool: Spool, limit: int) -> None:
    """Read row groups into a spool; of damaged ones, the reason alone."""
    try:
        for number, row in rows(item, columns, store, "content"):
            spool.add(columns.member(row, number, limit, item.role != "code"))
    except streams.TROUBLE as error:
        if not streams.is_from(error):
            raise
        spool.forget(0)
        spool.add(damaged(item, error))


def damaged(item: Item, error: Exception) -> Any:
    """Return what the ledger has of row groups that cannot be read."""
    return dropped(item.part, item.size, "unreadable-file", f"{type(error).__name__}: {error}")


def rows(item: Item, columns: Columns, store: Store, needed: str) -> Iterator[tuple[str, Row]]:
    """Yield the files of an item's row groups, each with its number in the object.

    Args:
        item: of row groups; `part` is "first-last".
        columns: to look at; those that are not there are left out.
        store: of the object.
        needed: the field without whose column there is no file.

    Raises:
        UserError: that column is not there.
    """
    with (
        opened(store, item.key, store.size(item.key)) as source,
        pq.ParquetFile(source, buffer_size=CHUNK) as table,  # or a column chunk is read at once
    ):
        schema = table.schema_arrow
        _check(schema, columns, needed, item.key)
        groups = _groups(item.part, table.num_row_groups)
        first = sum(table.metadata.row_group(i).num_rows for i in range(groups[0] if groups else 0))
        nested = columns.files in schema.names
        wanted = [one.path for one in table.schema if _is_wanted(one.path, columns)]
        batches = table.iter_batches(
            batch_size=1 if nested else ROWS, row_groups=groups, columns=wanted
        )
        for batch in batches:
            for index in range(batch.num_rows):
                yield from _files(batch, index, f"{first + index:09d}", columns)
            first += batch.num_rows


def _files(
    batch: pa.RecordBatch, index: int, number: str, columns: Columns
) -> Iterator[tuple[str, Row]]:
    """Yield the files of a row; of a repository one at a time, for all may be gigabytes."""
    row = {
        name: _value(batch.column(place)[index])
        for place, name in enumerate(batch.schema.names)
        if name != columns.files
    }
    if columns.files not in batch.schema.names:
        yield number, row
        return
    files = batch.column(columns.files)[index].values
    for place in range(0 if files is None else len(files)):
        yield f"{number}-{place}", row | _fields(files[place])


def _fields(file: pa.StructScalar) -> dict[str, Any]:
    """Return the fields of a file of a row; a file that is null has none."""
    return {name: _value(value) for name, value in file.items()} if file.is_valid else {}


def _value(scalar: pa.Scalar) -> Any:
    """Return a value; of a text that is no UTF-8 its bytes, None where Python has no such value."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes() if hasattr(scalar, "as_buffer") else None
    except (ValueError, OverflowError):  # a date after the year 9999
        return None


def _check(schema: pa.Schema, columns: Columns, needed: str, key: str) -> None:
    """Refuse a table without the column that is needed, or whose files are none.

    Raises:
        UserError: names the field and the table.
    """
    columns.check(_names(schema, columns), needed, key)
    if columns.files not in schema.names:
        return
    kind = schema.field(columns.files).type
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not listed or not pa.types.is_struct(kind.value_type):
        raise UserError(
            f"{columns.where}.columns.files: the column {columns.files!r} of {key} is {kind}; "
            "it must be a list of structs"
        )


def _names(schema: pa.Schema, columns: Columns) -> set[str]:
    """Return the columns of a row, and of the files in it."""
    names = set(schema.names)
    if columns.files in names:
        listed = schema.field(columns.files).type
        if pa.types.is_list(listed) or pa.types.is_large_list(listed):
            inner = listed.value_type
            names |= {inner.field(i).name for i in range(inner.num_fields)}
    return names


def _is_wanted(leaf: str, columns: Columns) -> bool:
    """Return whether a leaf of the schema is looked at: of the files of a row, some are not."""
    root, *below = leaf.split(".")
    if root == columns.files:
        return any(name in columns.named for name in below)
    return root in columns.named or leaf in columns.named


def _parts(
    store: Store, item: Object, columns: Columns, needed: str, row: int
) -> Iterator[tuple[str, int]]:
    """Yield ("first-last", bytes) of a file's row groups; all of it where the footer is broken."""
    try:
        with opened(store, item.key, item.size) as source:
            metadata = pq.read_metadata(source)
            _check(metadata.schema.to_arrow_schema(), columns, needed, item.key)
            sizes = _sizes(metadata, item.size, row)
    except streams.TROUBLE as error:
        if not streams.is_from(error):
            raise
        yield "", item.size
        return
    if not sizes:
        yield "", item.size
    start = 0
    for index in range(len(sizes)):
        if sum(sizes[start : index + 1]) >= TARGET or index == len(sizes) - 1:
            yield f"{start}-{index}", sum(sizes[start : index + 1])
            start = index + 1


def _sizes(metadata: Any, whole: int, row: int) -> list[int]:
    """Return what each row group takes of the file's bytes, and its rows' blobs.

    Its columns would say it better, but pyarrow ends the process when a damaged one is looked at.
    """
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    unpacked = [max(0, group.total_byte_size) for group in groups]
    total = sum(unpacked) or 1
    pairs = zip(groups, unpacked, strict=True)
    return [whole * size // total + row * max(0, group.num_rows) for group, size in pairs]


def _groups(part: str, count: int) -> list[int]:
    if not part:
        return list(range(count))
    first, _, last = part.partition("-")
    return list(range(int(first), int(last) + 1))
