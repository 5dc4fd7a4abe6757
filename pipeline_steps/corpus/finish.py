"""Last pass over a partition: what is left of it becomes a shard of the corpus.

The files of a repository come in the order of their imports; a repository larger than the spec's
limit is cut in the order of its paths. A role that the mixture takes several times has its further
copies behind all first ones, apart from each other.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oremill.specs.corpus import Ordering
from pipeline_steps.corpus import audit, meter, mixture, order, redaction
from pipeline_steps.corpus.context import Context
from pipeline_steps.corpus.imports import links
from pipeline_steps.corpus.repository import File
from pipeline_steps.corpus.shards import SCHEMA, Writer
from pipeline_steps.corpus.study import read
from pipeline_steps.storage import sha256_of

EDITS = ("secrets", "passwords", "emails", "addresses", "names")  # of redaction, as they count
KEPT = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("size", pa.int64()),  # bytes of the text as it is in the corpus
        ("times", pa.int64()),  # that the mixture takes it
        *((name, pa.int64()) for name in EDITS),
    ]
)
# The fields of the spec that decide a shard; the seed is one more where the order is random.
FINISHED_BY: dict[str, Any] = {
    "redaction": {"secrets", "passwords", "emails", "addresses", "names"},
    "order": True,
}
KEY = ["row", "source", "role", "repository", "path", "language", "licence", "tags"]
BATCH = 1024  # keys that are decoded at once
FILE = 1000  # bytes that a file counts for beside its text while its repository is ordered


@dataclass(frozen=True)
class Left:
    """A file that no stage dropped."""

    row: dict[str, Any]  # of KEY
    content: bytes  # text before redaction: as a str, one emoji would make it four times as large
    times: int

    @property
    def text(self) -> str:
        """The text before redaction."""
        return self.content.decode()


def finish(context: Context, task: dict[str, Any]) -> None:
    """Write the shard of a partition into the artifact.

    Args:
        context: of the stage.
        task: the parts `texts` and `keys` that are there, `kept` and `described` that are made;
            `gone`, the rows that were dropped since; `audited`, the rows whose redaction is
            checked; `rates` of the roles that are repeated; `shard`, the file's path in the
            artifact.
    """

    def write(drafts: list[Path]) -> None:
        shard, audited = drafts[0].with_suffix(".shard"), set(task["audited"])
        residue = audit.Residue(0)
        with Writer(shard, SCHEMA) as out, Writer(drafts[0], KEPT) as kept:
            for copy in range(_most(task["rates"])):
                for left in _ordered(_left(context, task), context.spec.order, context.spec.seed):
                    if left.times > copy:
                        text = _write(context, left, out, kept if copy == 0 else None)
                        if copy == 0 and left.row["row"] in audited:
                            residue += audit.residue([text], context.spec.redaction)
                            meter.lap("audit", len(text))
        key = f"{context.prefix}/{task['shard']}"
        placed = {"path": task["shard"], "key": key, "etag": context.store.upload(shard, key)}
        described = {"sha256": sha256_of(shard), "bytes": shard.stat().st_size}
        drafts[1].write_text(json.dumps(placed | described | {"residue": asdict(residue)}))
        shard.unlink()
        meter.lap("shards")

    if not _is_placed(context, task):
        context.parts.make_again((task["kept"], task["described"]), write)


def _is_placed(context: Context, task: dict[str, Any]) -> bool:
    """Return whether the shard is in the artifact; one that an earlier artifact has is copied."""
    described, key = context.parts.get(task["described"]), f"{context.prefix}/{task['shard']}"
    if described is None:
        return False
    told = json.loads(described.read_text())
    try:
        if told["key"] == key:
            return bool(context.store.find(key).etag == told["etag"])
        etag = context.store.copy(told["key"], told["etag"], key)
    except FileNotFoundError:
        return False
    draft = described.with_name(f".{os.getpid()}-{described.name}")
    draft.write_text(json.dumps(told | {"path": task["shard"], "key": key, "etag": etag}))
    context.parts.put(draft, task["described"])
    return True


def _most(rates: Mapping[str, float]) -> int:
    """Return the most times that a file may be taken, at least once."""
    return max([1, *map(ceil, rates.values())])


def _write(context: Context, left: Left, out: Writer, kept: Writer | None) -> str:
    """Write a file, and return its text as it is in the corpus."""
    meter.lap("order", len(left.text))
    clean = redaction.redact(left.text, context.spec.redaction)
    meter.lap("redaction", len(left.text))
    row = left.row | {"path": redaction.cut_apart(left.row["path"])}
    identity = "\0".join([row["source"], row["repository"], row["path"], clean.text])
    name = sha256(identity.encode()).hexdigest()[:32]
    size = len(clean.text.encode())
    out.write(row | {"id": name, "content": clean.text, "bytes": size}, size)
    if kept is not None:
        edits = {edit: getattr(clean, edit) for edit in EDITS}
        told = {"row": row["row"], "id": name, "size": size, "times": left.times}
        kept.write(told | edits, 64)
    meter.lap("shards", size)
    return clean.text


def _left(context: Context, task: dict[str, Any]) -> Iterator[Left]:
    """Yield each file that is left, in (source, repository, path) order."""
    described = _described(context.parts.there(task["keys"]))
    for number, text in read(context.parts.there(task["texts"]), set(task["gone"])):
        row = next(row for row in described if row["row"] == number)  # both are sorted
        rate = task["rates"].get(row["role"], 1.0)
        yield Left(row, text.encode(), mixture.times(context.spec.seed, row["repository"], rate))


def _described(keys: Path) -> Iterator[dict[str, Any]]:
    """Yield the keys that have a text, in their order, a few at a time."""
    with pq.ParquetFile(keys) as file:
        for batch in file.iter_batches(BATCH, columns=[*KEY, "stage"]):
            yield from batch.filter(pc.equal(batch["stage"], "")).select(KEY).to_pylist()


def _ordered(found: Iterable[Left], rules: Ordering, seed: int) -> Iterator[Left]:
    """Yield the files as they stand in the shard; what is held is bounded by the spec."""
    by = "random" if rules.drawn else rules.by
    held: list[Left] = []
    size, group = 0, ("", "")
    for left in found:
        own = ("", "") if rules.mode == "file" else (left.row["source"], left.row["repository"])
        more = len(left.content) + FILE
        if held and (own != group or size + more > rules.max_bytes):
            yield from _arranged(held, by, seed)
            held, size = [], 0
        group = own
        held.append(left)
        size += more
    yield from _arranged(held, by, seed)


def _arranged(held: list[Left], by: str, seed: int) -> Iterator[Left]:
    files = [_file(left, by) for left in held]
    return (held[place] for place in order.arrange(files, by, seed))


def _file(left: Left, by: str) -> File:
    path, language = left.row["path"], left.row["language"]
    if by != "imports":
        # In the mode file, files of several repositories may have one path.
        return File(f"{left.row['source']}/{left.row['repository']}/{path}", language)
    text = left.text
    return File(path, language, links(path, language, text), len(text))
