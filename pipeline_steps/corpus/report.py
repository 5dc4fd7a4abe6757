"""The report of a DataCorpus, for people: what came in, what every stage dropped, what is left.

It is a part of the artifact, so it says nothing that another run of the same spec would say
otherwise: no name, no place, no time, no number of workers, and no seconds that a pass took.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from oremill import names
from oremill.specs.artifact import Input
from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.corpus import clusters, samples, tables
from pipeline_steps.corpus.asked import asked
from pipeline_steps.corpus.stages import on
from pipeline_steps.report import Table, Verbatim, amount, html, markdown, short, size

EXAMPLES = 3  # files of each reason
MOST = 200  # rows of a table; the manifest has all


@dataclass(frozen=True)
class Told:
    """What the report is made of, beside the ledger."""

    spec: DataCorpusSpec
    digest: str  # of the artifact
    inputs: Sequence[Input]
    counters: Mapping[str, Any]
    results: Mapping[str, Any]
    versions: Mapping[str, str]  # library -> version


def write(folder: Path, told: Told, db: duckdb.DuckDBPyConnection) -> None:
    """Write report.html and report.md into the artifact's folder.

    Args:
        folder: of the artifact.
        told: what is known.
        db: the ledger, of which the view `fates` is read.
    """
    title = f"DataCorpus {told.digest[:10]}"
    parts, first = [part for part in _parts(told, db) if part.rows], _facts(told)
    page = folder / names.REPORT
    page.write_text(html(title, parts, first))
    page.with_suffix(".md").write_text(markdown(title, parts, first))


def _facts(told: Told) -> list[tuple[str, str]]:
    stages, results = told.counters["stages"], told.results
    bound = results.get("residualRate")  # there when files were audited
    return [
        ("files read", amount(stages[0]["filesIn"])),
        ("files in the corpus", amount(results["files"])),
        ("text", size(results["bytes"])),
        ("repositories", amount(results["repositories"])),
        ("languages", amount(len(told.counters["languages"]))),
        *([("may hold private data", f"≤ {bound:.2%}")] if bound is not None else ()),
    ]


def _parts(told: Told, db: duckdb.DuckDBPyConnection) -> Iterator[Table]:
    """Yield what there is to report; a part without rows is left out."""
    counters, spec = told.counters, told.spec
    dropped = samples.dropped(db, EXAMPLES)
    yield tables.funnel(counters["stages"], on(spec))
    yield tables.reasons(dropped, counters["stages"][0]["bytesIn"], asked(spec))
    yield tables.examples(dropped)
    yield tables.languages(counters["languages"])
    yield tables.licences(counters["licenceCosts"], spec.licences)
    yield from tables.duplicates(clusters.kinds(db), clusters.sizes(db), spec.dedup)
    yield tables.similarities(clusters.similarities(db))
    yield tables.largest(clusters.largest(db, tables.LARGEST))
    yield tables.redaction(counters["redacted"], counters["audit"])
    yield tables.tags(counters["tags"])
    yield tables.mixture(counters["mixture"], spec.mixture.unit)
    yield tables.sources(samples.sources(db))
    yield _asked(spec)
    yield _inputs(told.inputs)
    yield _versions(told.versions)


def _asked(spec: DataCorpusSpec) -> Table:
    rows = [(one.field, short(one.value, 240), one.origin) for one in asked(spec)]
    note = "Every field that shapes the corpus, with the value that counted and where it is from."
    return Table("What was asked", note, ("field", "value", "from"), rows[:MOST], folded=True)


def _inputs(inputs: Sequence[Input]) -> Table:
    rows = [(item.name, Verbatim(item.digest[:16])) for item in inputs[:MOST]]
    note = (
        "The data that the spec names, by a hash of its content or of its objects' ETags; where it "
        "lies, and all of it, is in manifest.json."
    )
    return Table("Inputs", note, ("field", "digest"), rows, folded=True)


def _versions(versions: Mapping[str, str]) -> Table:
    note = "Of what shaped the bytes: another version may make another corpus of the same spec."
    rows = sorted(versions.items())
    return Table("Versions", note, ("library", "version"), rows, folded=True)
