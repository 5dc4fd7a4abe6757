"""Datasets as the library `datasets` streams them: of the hub, or a folder of the bucket.

The library runs no code of a dataset; it reads the files that it knows (Parquet, JSON, CSV, text).
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from oremill.specs.corpus import HuggingFace
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.sources.columns import Columns
from pipeline_steps.corpus.sources.found import Found
from pipeline_steps.corpus.sources.members import dropped
from pipeline_steps.corpus.sources.revisions import away, dataset
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.errors import Resumable, UserError
from pipeline_steps.storage import Store


def found(given: HuggingFace, store: Store, where: str, scratch: Path) -> Iterator[Found]:
    """Yield the shards of a dataset of the hub, or the whole of a folder."""
    if given.dataset is None:
        listed = store.list(_folder(given))
        rows = [(one.key, one.size, one.etag) for one in listed]
        if rows:
            etag = sha256(json.dumps(rows).encode()).hexdigest()
            name = _folder(given).rstrip("/").rpartition("/")[2]
            yield Found(name, _folder(given), sum(one.size for one in listed), etag)
        return
    commit = dataset(given.dataset, given.revision, f"{where}.dataset")
    shards = opened(given, given.dataset, commit, where, scratch).num_shards
    for index in range(shards):
        yield Found(given.dataset, given.dataset, etag=commit, part=f"{index}-{shards}")


def read(
    item: Item,
    given: HuggingFace,
    columns: Columns,
    store: Store,
    folder: Path,
    spool: Spool,
    limit: int,
) -> None:
    """Read the rows of a shard into a spool.

    Raises:
        UserError: the library cannot read the dataset, or it lacks a column, subset or split.
        Resumable: the hub does not answer.
    """
    where = columns.where
    if given.dataset is None:
        local = folder / "dataset"
        for one in store.list(_folder(given)):
            store.download(one.key, local / _inside(one.key.removeprefix(_folder(given))))
        rows = opened(given, str(local), None, where, folder)
    else:
        index, _, shards = item.part.partition("-")
        rows = opened(given, given.dataset, item.etag, where, folder)
        rows = rows.shard(num_shards=int(shards), index=int(index))
        spool.revision = item.etag
    _add(rows, item, columns, spool, limit)


def opened(given: HuggingFace, path: str, commit: str | None, where: str, scratch: Path) -> Any:
    """Return a dataset's split as a stream. Raises UserError and Resumable."""
    import datasets

    try:
        return datasets.load_dataset(
            path,
            given.subset,
            split=given.split,
            revision=commit,
            streaming=True,
            cache_dir=str(scratch / "huggingface"),
        )
    except away() as error:
        raise Resumable(f"{where}: the hub did not answer: {error}") from error
    except _damaged() as error:
        raise UserError(f"{where}: the dataset cannot be read: {error}"[:1000]) from error


def _add(rows: Any, item: Item, columns: Columns, spool: Spool, limit: int) -> None:
    """Put the files of every row into a spool; of a damaged dataset, the reason alone."""
    try:
        for number, row in enumerate(rows, 1):
            for index, file in enumerate(columns.each(row)):
                if not len(spool):
                    columns.check(set(file), "content", item.key)
                path = f"{number:09d}-{index}" if columns.files in row else f"{number:09d}"
                spool.add(columns.member(file, path, limit, item.role != "code"))
    except away() as error:
        raise Resumable(f"{item.key} did not answer: {error}") from error
    except _damaged() as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's trouble
        spool.forget(0)
        said = f"{type(error).__name__}: {error}"
        spool.add(dropped(item.part, item.size, "unreadable-file", said))


def _damaged() -> tuple[type[Exception], ...]:
    """Return what is raised when files are not what they should be."""
    from datasets.exceptions import DatasetsError

    return ValueError, TypeError, OSError, DatasetsError


def _folder(given: HuggingFace) -> str:
    return (given.prefix or "").rstrip("/") + "/"


def _inside(key: str) -> str:
    """Return a key as a path that stays in its folder. Raises UserError."""
    if ".." in key.split("/") or key.startswith("/"):
        raise UserError(f"the object {key!r} of a dataset has a name that leaves its folder")
    return key
