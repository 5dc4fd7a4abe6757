"""The stages that look at one file or one archive at a time, run by Daft over all of them.

Daft schedules the rows over the cores; what a row becomes is decided by the pure modules beside
this one. Daft promises no order, so whoever needs one sorts. It runs them in threads, not in
processes of its own: these would hand the texts over in /dev/shm, of which a pod has 64 MB.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import daft
import pyarrow as pa
from daft import DataType

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.corpus import archives, languages, licences, quality, redaction
from pipeline_steps.corpus.contamination import Index
from pipeline_steps.corpus.shingles import shingles

BATCH = 128  # rows that a worker takes at once: small enough to keep every core busy to the end

_TEXT, _COUNT = DataType.string(), DataType.int64()
_FILE = DataType.struct(
    {
        "path": _TEXT,
        "bytes": _COUNT,
        "text": _TEXT,
        "language": _TEXT,
        "licence": _TEXT,
        "sha256": _TEXT,
        "stage": _TEXT,  # that dropped the file; "" for none
        "reason": _TEXT,
        "value": _TEXT,
    }
)


@dataclass(frozen=True)
class Archive:
    """A repository to read."""

    source: str
    repository: str
    prose: bool  # of a source of text or mathematics
    file: Path


def files(found: Sequence[Archive], spec: DataCorpusSpec) -> pa.Table:
    """Return a row for every file of every archive, with its text or why it was dropped."""

    def screened(file: str, prose: bool) -> Iterator[dict[str, Any]]:
        yield from screen(Path(file), prose, spec)

    mapped = daft.func(screened, return_dtype=_FILE, unnest=True, use_process=False)
    frame = daft.from_pydict(
        {
            "source": [item.source for item in found],
            "repository": [item.repository for item in found],
            "prose": [item.prose for item in found],
            "file": [str(item.file) for item in found],
        }
    ).into_batches(1)
    frame = frame.select("source", "repository", mapped(frame["file"], frame["prose"]))
    return frame.to_arrow()


def screen(file: Path, prose: bool, spec: DataCorpusSpec) -> Iterator[dict[str, Any]]:
    """Yield a row for each file of an archive, after the stages that need no other archive."""
    members = archives.members(file, spec.quality.max_file_bytes)
    tree = licences.Tree({member.path: member.text for member in members})
    for member in members:
        language = languages.language(member.path, member.text.encode()) if member.text else ""
        licence = tree.licence(member.path, member.text) if member.text else ""
        stage, drop = _first_drop(member, language, licence, prose, spec)
        yield {
            "path": member.path,
            "bytes": member.size,
            "text": "" if drop else member.text,
            "language": language,
            "licence": licence,
            "sha256": sha256(member.text.encode()).hexdigest(),
            "stage": stage,
            "reason": drop.reason if drop else "",
            "value": drop.value if drop else "",
        }


def _first_drop(
    member: archives.Member, language: str, licence: str, prose: bool, spec: DataCorpusSpec
) -> tuple[str, quality.Drop | None]:
    if member.reason:
        return "read", quality.Drop(member.reason, member.value)
    if not language:
        return "language", quality.Drop("unknown-language")
    if not licence and spec.licences.unlicensed == "drop":
        return "licence", quality.Drop("no-licence")
    if licence and not licences.is_allowed(licence, spec.licences.allow):
        return "licence", quality.Drop("not-allowed", licence)
    drop = quality.judge(member.path, member.text, language, spec.quality, prose)
    return ("quality", drop) if drop else ("", None)


def contaminated(texts: pa.ChunkedArray, index: Index) -> list[quality.Drop | None]:
    """Return, for each text, the problem that it holds."""

    def find(text: str) -> str:
        drop = index.find(text)
        return "" if drop is None else json.dumps([drop.reason, drop.value])

    found = _mapped(texts, find, DataType.string()).to_pylist()
    return [quality.Drop(*json.loads(item)) if item else None for item in found]


def shingled(texts: pa.ChunkedArray, size: int) -> list[Any]:
    """Return the shingles of each text as a numpy array."""

    def cut(text: str) -> Any:
        return shingles(text, size)

    column = _mapped(texts, cut, DataType.list(DataType.uint64()))
    return [item.values.to_numpy(zero_copy_only=False) for item in column]


def redacted(texts: pa.ChunkedArray, spec: DataCorpusSpec) -> list[redaction.Redacted]:
    """Return each text without secrets, addresses and spelled sentinels."""
    kind = DataType.struct({"text": _TEXT, "secrets": _COUNT, "emails": _COUNT})

    def clean(text: str) -> dict[str, Any]:
        return vars(redaction.redact(text, spec.redaction))

    return [redaction.Redacted(**row) for row in _mapped(texts, clean, kind).to_pylist()]


def _mapped(texts: pa.ChunkedArray, function: Any, kind: DataType) -> pa.ChunkedArray:
    """Return function(text) for each text, in their order."""
    mapped = daft.func(function, return_dtype=kind, use_process=False)
    frame = daft.from_arrow(pa.table({"row": range(len(texts)), "text": texts}))
    frame = frame.into_batches(BATCH)
    done = frame.select("row", mapped(frame["text"]).alias("result")).to_arrow()
    return done.sort_by("row").column("result")
