"""All kinds of source through one door: list what there is, and read one of it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic.alias_generators import to_camel

from oremill.specs.corpus import (
    Archives,
    DataCorpusSpec,
    Files,
    Git,
    HuggingFace,
    JsonLines,
    Parquet,
    SoftwareHeritage,
    Source,
)
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.sources import (
    archives,
    files,
    git,
    heritage,
    huggingface,
    jsonl,
    parquet,
)
from pipeline_steps.corpus.sources.columns import Columns
from pipeline_steps.corpus.sources.found import Found
from pipeline_steps.corpus.sources.members import dropped
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.errors import UserError
from pipeline_steps.storage import Store

# The fields that say how an item is read; where it is, its key says.
READING = {"preset", "columns", "blobs", "subset", "split"}
IGNORED = "ignored"  # how an item is read whose name ends with nothing that its source reads
EXPECTED = {
    "archives": ("archive", archives.SUFFIXES),
    "files": ("object", ()),
    "jsonl": ("file of lines", jsonl.SUFFIXES),
    "parquet": ("table", (parquet.SUFFIX,)),
    "software_heritage": ("table", (parquet.SUFFIX,)),
    "huggingface": ("object", ()),
}


def items(source: Source, priority: int, store: Store, scratch: Path) -> Iterator[Item]:
    """Yield what a source has, in units that are read at once.

    Args:
        source: of the spec.
        priority: its place in the spec.
        store: the bucket.
        scratch: folder for what has to be looked into.

    Raises:
        UserError: there is nothing, or it does not answer.
    """
    (name,) = source.kinds
    reading = source.kind.model_dump_json(include=READING, exclude_none=True)
    empty = True
    for one in _found(source, _where(source, priority), store, scratch):
        empty = empty and one.ignored
        yield Item(
            source=source.name,
            priority=priority,
            repository=one.repository,
            role=source.role,
            key=one.key,
            size=one.size,
            etag=one.etag,
            part=one.part,
            reading=IGNORED if one.ignored else f"{name} {reading}",
        )
    if empty:
        raise UserError(_nothing(source, priority))


def read(item: Item, spec: DataCorpusSpec, store: Store, folder: Path) -> Spool:
    """Return an item's files, in (repository, path) order; to be closed.

    Args:
        item: of `items`.
        spec: with the item's source, and the size of the largest file.
        store: the bucket.
        folder: for temporary files, which are gone once the spool is closed.

    Raises:
        UserError: a repository does not answer, a table lacks a column, an object is gone.
    """
    (source,) = (one for one in spec.sources if one.name == item.source)
    spool = Spool(folder, item.repository)
    try:
        with TemporaryDirectory(dir=folder) as own:
            _read(item, source, store, Path(own), spool, spec.quality.max_file_bytes)
    except BaseException as error:
        spool.close()
        if isinstance(error, FileNotFoundError) and error.errno is None:  # of the bucket
            where = _where(source, item.priority)
            raise UserError(f"{where}: {error} was listed, and is gone since") from error
        raise
    if not len(spool):
        spool.add(dropped(item.part, item.size, "no-files"))
    return spool


def _nothing(source: Source, priority: int) -> str:
    (name,) = source.kinds
    what, ends = EXPECTED[name]
    hint = f"; its name ends with {', '.join(ends)}" if ends else ""
    return (
        f"{_where(source, priority)}.prefix: source {source.name!r} has no {what} below "
        f"{getattr(source.kind, 'prefix', '')!r}{hint}"
    )


def _found(source: Source, where: str, store: Store, scratch: Path) -> Iterator[Found]:
    match source.kind:
        case Archives() as kind:
            return archives.found(kind, store)
        case Files() as kind:
            return files.found(kind, store, source.name)
        case JsonLines() as kind:
            return jsonl.found(kind, store)
        case SoftwareHeritage() as kind:
            return heritage.found(kind, Columns.of(kind, where), store)
        case Parquet() as kind:
            return parquet.found(kind, Columns.of(kind, where), store, "content")
        case Git() as kind:
            return git.found(kind, store, where)
        case HuggingFace() as kind:
            return huggingface.found(kind, store, where, scratch)


def _read(item: Item, source: Source, store: Store, folder: Path, spool: Spool, limit: int) -> None:
    where = _where(source, item.priority)
    if item.reading == IGNORED:
        known = ", ".join(EXPECTED[next(iter(source.kinds))][1])
        spool.add(dropped("", item.size, "unknown-ending", f"its name ends with none of {known}"))
        return
    match source.kind:
        case Archives():
            archives.read(item, store, folder, spool, limit)
        case Files() as kind:
            files.read(item, kind, store, spool, limit)
        case JsonLines() as kind:
            jsonl.read(item, Columns.of(kind, where), store, folder, spool, limit)
        case SoftwareHeritage() as kind:
            heritage.read(item, kind, Columns.of(kind, where), store, spool, limit)
        case Parquet() as kind:
            parquet.read(item, Columns.of(kind, where), store, spool, limit)
        case Git():
            git.read(item, store, folder, spool, limit)
        case HuggingFace() as kind:
            huggingface.read(item, kind, Columns.of(kind, where), store, folder, spool, limit)


def _where(source: Source, priority: int) -> str:
    """Return the field of a source, for messages."""
    return f"spec.sources[{priority}].{to_camel(next(iter(source.kinds)))}"
