"""First pass over a partition: read its files, and drop what one file alone gives reason to drop.

A partition becomes two parts. `keys` has a row for every file, without its text; `texts` has the
texts of those that passed, by the number of their row. The stages that look at the corpus as a
whole read the keys; the second pass reads the texts. What an owner opted out of has a row like any
other, but its text is written nowhere: so a new entry changes no row, and screens nothing again.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.corpus import (
    insecure,
    languages,
    licences,
    linting,
    malware,
    meter,
    parsing,
    pretokens,
    quality,
)
from pipeline_steps.corpus.context import Context
from pipeline_steps.corpus.measured import File
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.parts import fingerprint
from pipeline_steps.corpus.quality import Drop
from pipeline_steps.corpus.shards import Writer
from pipeline_steps.corpus.sources import door
from pipeline_steps.corpus.sources.members import Member
from pipeline_steps.corpus.sources.spool import Spool

KEYS = pa.schema(
    [
        ("row", pa.int64()),
        ("source", pa.string()),
        ("role", pa.string()),
        ("repository", pa.string()),
        ("path", pa.string()),
        ("bytes", pa.int64()),
        ("tokens", pa.int64()),  # about, by pretokens; 0 for a file that is dropped at once
        ("language", pa.string()),
        ("licence", pa.string()),
        ("sha256", pa.string()),
        ("tags", pa.string()),  # insecure patterns, parted by spaces
        ("stage", pa.string()),  # that dropped the file; "" for none
        ("reason", pa.string()),
        ("value", pa.string()),
    ]
)
KEY_BYTES = 256  # of a row of keys, about
TEXTS = pa.schema([("row", pa.int64()), ("text", pa.large_string())])
SHAPED_BY: dict[str, Any] = {
    "languages": {"include", "exclude", "unknown"}, "licences": True, "quality": True,
    "parse": True, "lint": True, "security": True,
}  # fmt: skip
LINTED = 4 * 2**20  # characters of texts that one process of ruff reads
ROW = 1024  # that a row counts for beside its text

Row = tuple[dict[str, Any], str]  # a row of KEYS without its number, and the text


def screen(context: Context, task: dict[str, Any]) -> None:
    """Make the parts of a partition.

    Args:
        context: of the stage.
        task: the partition's `items`; the name of its part `keys`; how that of `texts` begins.
    """

    def write(drafts: list[Path]) -> None:
        draft, left_out = drafts[0].with_suffix(".texts"), []
        with Writer(draft, TEXTS) as texts, Writer(drafts[0], KEYS) as keys:
            for number, (row, text) in enumerate(screened(context, task, draft.parent)):
                keys.write({"row": number, **row}, KEY_BYTES)
                if row["stage"]:
                    continue
                if context.opt_outs.reason(row["repository"], row["path"]):
                    left_out.append(number)
                else:
                    texts.write({"row": number, "text": text}, len(text))
                meter.lap("parts", len(text))
        context.parts.put(draft, texts_without(task["texts"], left_out))

    context.parts.make((task["keys"],), write)


def texts_without(begin: str, left_out: list[int]) -> str:
    """Return the name of the part that has a partition's texts but these rows."""
    return f"{begin}-{fingerprint(left_out)}.parquet"


def screened(context: Context, task: dict[str, Any], folder: Path) -> Iterator[Row]:
    """Yield the rows of a partition, in order, each with its fate."""
    items = [Item(**described) for described in task["items"]]
    return _linted(_files(context, items, folder), context.spec)


def _files(context: Context, items: list[Item], folder: Path) -> Iterator[Row]:
    """Yield the rows of every item, read one at a time."""
    for item in items:
        with door.read(item, context.spec, context.store, folder) as spool:
            meter.programs("read")
            meter.lap("read", item.size)
            yield from rows(context, item, spool)


def rows(context: Context, item: Item, spool: Spool) -> Iterator[Row]:
    """Yield the key and the text of each file of an item."""
    for repository, members in groupby(spool, key=lambda member: member.repository):
        tree = licences.Tree(spool.texts(repository), context.spec.licences.package_metadata)
        for member in members:
            yield _row(item, member, tree, context.spec), member.text


def _row(item: Item, member: Member, tree: licences.Tree, spec: DataCorpusSpec) -> dict[str, Any]:
    content = member.text.encode()
    meter.lap("read")
    language, licence = member.language, licences.NONE
    if member.text:
        language = language or languages.language(member.path, content)
        meter.lap("language", len(content))
        licence = tree.ruling(member.path, spec.licences.mode)
        meter.lap("licence", len(content))
    licence = licence if licence.expression else licences.Licence(member.licence)
    seen = File(member.path, member.text, content, language, item.role != "code")
    stage, drop = _first_drop(member, seen, licence, spec)
    judged = insecure.Judgement("", ())
    if not drop:
        judged = insecure.judge(member.text, language, spec.security.insecure)
        meter.lap("security", len(content))
    if judged.drop:
        stage, drop = "security", Drop("insecure", judged.drop)
    row = {
        "source": item.source,
        "role": item.role,
        "repository": member.repository,
        "path": member.path,
        "bytes": member.size,
        "tokens": 0 if drop else pretokens.count(content),
        "language": language,
        "licence": licence.expression,
        "sha256": sha256(content).hexdigest(),
        "tags": " ".join(judged.tags),
        **_dropped(stage, drop.reason if drop else "", drop.value if drop else ""),
    }
    meter.lap("keys", len(content))
    return row


def _dropped(stage: str, reason: str, value: str) -> dict[str, str]:
    return {"stage": stage, "reason": reason, "value": value}


def _first_drop(
    member: Member, seen: File, licence: licences.Licence, spec: DataCorpusSpec
) -> tuple[str, Drop | None]:
    if member.reason:
        return "read", Drop(member.reason, member.value)
    if reason := languages.refusal(seen.language, spec.languages):
        return "language", Drop(reason, seen.language)
    if reason := licences.refusal(licence, spec.licences):
        return "licence", Drop(reason, licence.expression)
    drop = quality.judge(seen, spec.quality)
    meter.lap("quality", len(seen.content))
    if drop:
        return "quality", drop
    # Whether Python parses, ruff knows in a tenth of the time: _lint asks it.
    if seen.language in set(spec.parse.languages) - {linting.LANGUAGE} and not seen.prose:
        share = parsing.errors(seen.text, seen.language) or 0.0
        meter.lap("parse", len(seen.content))
        if share > spec.parse.max_error_share:
            return "parse", Drop("does-not-parse", f"{share:.4f}")
    if spec.security.malware == "drop" and (rule := malware.find(seen.text)):
        return "security", Drop("malware", rule)
    return "", None


def _linted(found: Iterable[Row], spec: DataCorpusSpec) -> Iterator[Row]:
    """Yield the rows, of which those of Python that break a rule are dropped."""
    held: list[Row] = []
    size = 0
    for row in found:
        held.append(row)
        size += len(row[1]) + ROW
        if size >= LINTED:
            yield from _lint(held, spec)
            held, size = [], 0
    yield from _lint(held, spec)


def _lint(held: list[Row], spec: DataCorpusSpec) -> list[Row]:
    parsed = linting.LANGUAGE in spec.parse.languages
    asked = [
        (row, text)
        for row, text in held
        if row["language"] == linting.LANGUAGE and row["role"] == "code"
        if row["stage"] in ("", "security") and (parsed or spec.lint.rules)
    ]
    stubs = [row["path"].endswith(".pyi") for row, _ in asked]
    found = linting.findings([text for _, text in asked], spec.lint.rules, stubs)
    meter.lap("lint", sum(len(text) for _, text in asked))
    for (row, text), one in zip(asked, found, strict=True):
        # What ruff refuses may be a template, or Python 2, which the grammar knows.
        share = 0.0 if one.parses or not parsed else parsing.errors(text, linting.LANGUAGE) or 0.0
        if share > spec.parse.max_error_share:
            row |= _dropped("parse", "does-not-parse", f"{share:.4f}") | {"tags": "", "tokens": 0}
        elif one.rule and not row["stage"]:
            row |= _dropped("lint", "broken", one.rule)
    meter.lap("parse")
    return held
