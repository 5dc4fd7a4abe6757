"""Loose files of the bucket; the first folder below the prefix is the repository."""

import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby

from oremill.specs.corpus import Files
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.sources import members
from pipeline_steps.corpus.sources.found import Found
from pipeline_steps.corpus.sources.remote import side_by_side
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.storage import Object, Store


def found(files: Files, store: Store, name: str) -> Iterator[Found]:
    """Yield every folder below the prefix; files in none are of the repository `name`."""
    listed = [one for one in store.list(_folder(files.prefix)) if not one.key.endswith("/")]
    for repository, objects in groupby(
        sorted(listed, key=lambda one: (_repository(one, files.prefix), one.key)),
        lambda one: _repository(one, files.prefix),
    ):
        rows = [(one.key, one.size, one.etag) for one in objects]
        yield Found(
            repository=repository or name,
            key=_folder(files.prefix) + (f"{repository}/" if repository else ""),
            size=sum(size for _, size, _ in rows),
            etag=sha256(json.dumps(rows).encode()).hexdigest(),
        )


def read(item: Item, files: Files, store: Store, spool: Spool, limit: int) -> None:
    """Read the files of a folder into a spool."""
    top = item.key == _folder(files.prefix)

    def path(one: Object) -> str:
        return one.key.removeprefix(item.key)

    def content(one: Object) -> bytes | None:
        return store.read(one.key) if one.size <= members.readable(path(one), limit) else None

    listed = [one for one in store.list(item.key) if not one.key.endswith("/")]
    wanted = (one for one in listed if not (top and _repository(one, files.prefix)))
    for one, bytes_of in side_by_side(content, wanted):
        if bytes_of is None:
            spool.add(members.too_large(path(one), one.size, limit))
        else:
            spool.add(members.member(path(one), bytes_of, limit))


def _repository(one: Object, prefix: str) -> str:
    head, _, rest = one.key.removeprefix(_folder(prefix)).partition("/")
    return head if rest else ""


def _folder(prefix: str) -> str:
    return prefix.rstrip("/") + "/"
