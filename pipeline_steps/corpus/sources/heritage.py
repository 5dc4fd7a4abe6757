"""Blobs of Software Heritage, as The Stack v2 is published: a table of ids, an object a blob."""

from collections.abc import Iterator

from oremill.specs.corpus import SoftwareHeritage
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.sources import members, parquet, streams
from pipeline_steps.corpus.sources.columns import Columns, Row
from pipeline_steps.corpus.sources.found import Found
from pipeline_steps.corpus.sources.members import Member, dropped
from pipeline_steps.corpus.sources.remote import side_by_side
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.storage import Store

SLACK = 2**16  # bytes by which gzip may make a blob larger than its text


def found(tables: SoftwareHeritage, columns: Columns, store: Store) -> Iterator[Found]:
    """Yield the row groups of every table of identifiers, and what is neither table nor blob."""
    listed = parquet.found(tables, columns, store, "blob", parquet.BLOB)
    return (one for one in listed if not (one.ignored and one.key.startswith(tables.blobs)))


def read(
    item: Item,
    given: SoftwareHeritage,
    columns: Columns,
    store: Store,
    spool: Spool,
    limit: int,
) -> None:
    """Read the blobs that an item's row groups name into a spool."""

    def fetched(row: tuple[str, Row]) -> Member:
        return _member(store, given.blobs, columns, row, limit)

    try:
        for (_, row), found in side_by_side(fetched, parquet.rows(item, columns, store, "blob")):
            spool.add(columns.told(found, row))
    except streams.TROUBLE as error:
        if not streams.is_from(error):
            raise
        spool.forget(0)
        spool.add(parquet.damaged(item, error))


def _member(store: Store, blobs: str, columns: Columns, row: tuple[str, Row], limit: int) -> Member:
    number, told = row
    path, blob = columns.place(told, number), columns.text(told, "blob")
    most = members.readable(path, limit)
    if not blob:
        return dropped(path, 0, "missing-blob", "the row names none")
    try:
        packed = store.read(f"{blobs}{blob}", 0, most + SLACK)
    except FileNotFoundError:
        return dropped(path, 0, "missing-blob", blob)
    try:
        content = streams.inflated(packed, most) if len(packed) < most + SLACK else None
    except ValueError as error:
        return dropped(path, len(packed), "damaged-blob", f"{blob}: {error}")
    if content is None:
        return members.too_large(path, len(packed), limit)
    return members.member(path, content, limit, columns.text(told, "encoding") or "utf-8")
