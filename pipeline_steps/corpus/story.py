"""What became of a file of a corpus: where it came from, what it passed, what was edited, its end.

Told from the ledger, which has a row for every file, and from the spec in the manifest, which says
the stages that were on. Names and values are those of strangers: a terminal gets them with what
cannot be seen as escapes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.parquet as pq
from pydantic.alias_generators import to_camel

from oremill.specs import InvalidSpec, parse
from oremill.specs.artifact import Manifest
from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.corpus import search
from pipeline_steps.corpus.asked import asked, shown
from pipeline_steps.corpus.grounds import grounds
from pipeline_steps.corpus.search import Row, place_of
from pipeline_steps.corpus.stages import STAGES, met
from pipeline_steps.report import amount, short, size, visible

LEDGER = "ledger.parquet"  # of the artifact
COPIES = ("exact-dedup", "near-dedup")  # the value: similarity, and the place of the other file
EDITS = ("secrets", "passwords", "emails", "addresses", "names")


@dataclass(frozen=True)
class Story:
    """A file, and its way through the corpus."""

    place: str  # source/repository/path
    origin: str  # what the spec says of its source
    row: Row  # of the ledger
    passed: tuple[str, ...]  # stages that were on, met it, and let it pass
    asked: Mapping[str, str]  # fields of the spec that decide its drop, with their values
    copy_of: tuple[Row, ...]  # the file that it is a copy of, the one that this is a copy of ...

    @property
    def kept(self) -> bool:
        """Whether the file is in the corpus."""
        return not self.row["stage"]

    @property
    def edits(self) -> dict[str, int]:
        """What redaction replaced, how often."""
        return {edit: self.row[edit] for edit in EDITS if self.row[edit]}

    def public(self) -> dict[str, Any]:
        """Return the story as JSON has it."""
        told = asdict(self) | {"kept": self.kept, "edits": self.edits}
        return {"copyOf" if name == "copy_of" else name: told[name] for name in told}


def asked_of(manifest: Manifest | None) -> DataCorpusSpec | None:
    """Return a corpus's spec; None without a manifest, and for a spec of another version."""
    try:
        spec = parse(manifest.kind, manifest.spec) if manifest else None
    except InvalidSpec:
        return None
    return spec if isinstance(spec, DataCorpusSpec) else None


def stories(
    ledger: pq.ParquetFile, spec: DataCorpusSpec | None, rows: Sequence[Row]
) -> list[Story]:
    """Return the stories of files.

    Args:
        ledger: of the corpus.
        spec: of the corpus; without one, any stage may have been on.
        rows: of the files, as `search` finds them.
    """
    known = _originals(ledger, rows)
    fields = asked(spec) if spec else []
    return [
        Story(
            place_of(row),
            _origin(row, spec),
            row,
            _passed(row, spec),
            grounds(fields, row["stage"], row["reason"]),
            _copied(row, known),
        )
        for row in rows
    ]


def text(story: Story) -> str:
    """Return a story for a terminal."""
    lines = [f"{name:<17} {told}" for name, told in _lines(story)]
    return "\n    ".join([visible(story.place), *map(visible, lines)])


def _lines(story: Story) -> Iterator[tuple[str, str]]:
    row = story.row
    described = [size(row["bytes"]), row["language"], row["licence"]]
    yield "file", ", ".join(part for part in described if part)
    yield "from", story.origin
    for stage in story.passed:
        tagged = f", tagged {row['tags']}" if stage == "security" and row["tags"] else ""
        yield stage, f"passed{tagged}"
    if story.kept:
        yield "replaced", ", ".join(_counted(story.edits)) or "nothing"
        yield "in the corpus", _whereabouts(row)
    else:
        value = f": {row['value']}" if row["value"] else ""
        yield row["stage"], f"DROPPED, {row['reason']}{value}"
        for field, asked_for in story.asked.items():
            yield "asked", f"{field}: {short(asked_for, 120)}"
    for other in story.copy_of:
        yield "copy of", f"{place_of(other)}, {_fate(other)}"


def _counted(edits: Mapping[str, int]) -> list[str]:
    return [f"{edit} {amount(count)}" for edit, count in edits.items()]


def _fate(row: Row) -> str:
    if row["stage"]:
        return f"itself dropped by {row['stage']}: {row['reason']} {row['value']}".rstrip()
    return f"in the corpus {_whereabouts(row)}"


def _whereabouts(row: Row) -> str:
    """Return where a file of the corpus is."""
    often = "once" if row["times"] == 1 else f"{row['times']} times"
    return f"{often}, id {row['id']}, {row['shard']}"


def _passed(row: Row, spec: DataCorpusSpec | None) -> tuple[str, ...]:
    last = row["stage"]
    if spec is None:
        return STAGES[: STAGES.index(last)] if last else STAGES
    return tuple(one for one in met(spec, row["source"], row["language"], last) if one != last)


def _origin(row: Row, spec: DataCorpusSpec | None) -> str:
    told = f"repository {row['repository']} of source {row['source']}"
    for source in spec.sources if spec else ():
        if source.name == row["source"]:
            ((name, kind),) = source.kinds.items()
            return f"{told}: {to_camel(name)} {short(shown(kind), 120)}"
    return told


def _originals(ledger: pq.ParquetFile, rows: Sequence[Row]) -> dict[str, Row]:
    """Return the rows of the files that these are copies of, of those that these are ..."""
    known: dict[str, Row] = {}
    asked = {_original(row) for row in rows}
    while asked := asked - {""} - known.keys():
        found = search.at(ledger, asked)
        known |= found
        asked = {_original(row) for row in found.values()}
    return known


def _original(row: Row) -> str:
    return row["value"].partition(" ")[2] if row["stage"] in COPIES else ""


def _copied(row: Row, known: Mapping[str, Row]) -> tuple[Row, ...]:
    chain: list[Row] = []
    while (row := known.get(_original(row), {})) and row not in chain:
        chain.append(row)
    return tuple(chain)
