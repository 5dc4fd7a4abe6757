"""Make a corpus: sources in, clean, deduplicated, redacted Parquet shards out.

    python -m pipeline_steps.corpus

Stages, in this order, since each is cheaper or leaves less to the next (ledger.STAGES): opt-out →
read → language → licence → quality → parse → lint → security → exact dedup → decontamination →
near dedup → mixture; then redaction and order. Quality comes before near dedup, or a rule could
drop a cluster's only kept file; ids are hashed after redaction, which changes the text.

They run as passes over the partitions (screen, study, finish), by Daft on every core. Between two
passes the ledger, one row a file, answers what concerns the corpus as a whole. What a pass made of
a partition is kept in the bucket until the artifact is published: a stage that is killed goes on
from there, with any number of workers, to the same bytes.

Out: data/shard-*.parquet (columns in shards.SCHEMA), ledger.parquet (every file's fate).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

import numpy as np

from oremill.specs.artifact import File
from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps import run
from pipeline_steps.corpus import malware, mixture, near, partitions, similar
from pipeline_steps.corpus.audit import Residue
from pipeline_steps.corpus.finish import finish
from pipeline_steps.corpus.ledger import Ledger
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.screen import SHAPED_BY, screen
from pipeline_steps.corpus.sources import door
from pipeline_steps.corpus.study import bands_of, study
from pipeline_steps.corpus.work import Work
from pipeline_steps.errors import UserError
from pipeline_steps.limits import cores, memory

LIBRARIES = (
    "daft", "datasets", "datasketch", "duckdb", "enry-python", "license-expression",
    "licenseclassifier", "nbformat", "numba", "numpy", "pathspec", "pyahocorasick", "pyarrow",
    "ruff", "scipy", "tree-sitter", "yara-x",
)  # fmt: skip
LEDGER_SHARE = 4  # one part in so many of the pod's memory is the ledger's


def make(step: run.Step) -> run.Made:
    """Run the passes over every archive that the spec names."""
    spec = cast(DataCorpusSpec, step.spec)
    malware.self_test()
    bands = bands_of(spec)
    with Ledger(step.scratch / "ledger", bands, memory() // LEDGER_SHARE, cores()) as ledger:
        work = Work(step, spec, partitions.plan(list(_items(step, spec))), ledger)
        _screen(work)
        if spec.dedup.exact:
            ledger.drop_copies()
        ledger.drop_beyond_caps({cap.name: cap.max_bytes for cap in spec.languages.caps})
        work.tell()
        _study(work)
        if bands:
            _drop_near(work)
        work.tell()
        if not ledger.left():
            raise _nothing_left(ledger)
        taken = mixture.shares(ledger.sizes(), spec.mixture)
        rates = {role: share.rate for role, share in taken.items()}
        ledger.drop_by_mixture(spec.seed, rates)
        work.tell()
        shards, residue = _finish(work, rates)
        ledger.write(work.folder / "ledger.parquet")
        told = {
            "mixture": {role: asdict(one) for role, one in taken.items()},
            "audit": asdict(residue) | {"statement": residue.statement()},
        }
        return run.Made(
            work.folder,
            ledger.results() | {"residualRate": round(residue.bound, 6)},
            ledger.counters() | told,
            LIBRARIES,
            placed=tuple(shards),
            temporary=work.context.parts.prefix,
        )


def _items(step: run.Step, spec: DataCorpusSpec) -> Iterator[Item]:
    """Yield what every source has."""
    for priority, source in enumerate(spec.sources):
        yield from door.items(source, priority, step.store, step.scratch)


def _nothing_left(ledger: Ledger) -> UserError:
    """Return what to say of a corpus of which no file is left."""
    stages = list(ledger.funnel())
    reasons = [
        f"{stage['stage']} {reason} {count}"
        for stage in stages
        for reason, count in stage["dropped"].items()
    ]
    return UserError(
        f"spec: none of {stages[0]['filesIn']} files is left ({', '.join(reasons)}); "
        "allow more in spec.licences or spec.quality, or give other spec.sources"
    )


def _screen(work: Work) -> None:
    shaped_by = [
        work.spec.model_dump(include=SHAPED_BY, mode="json"),
        [item.digest for item in work.step.inputs if item.name == "optOut.key"],
        work.benchmarks,
    ]
    tasks = [
        {
            "items": partition.described,
            "texts": work.name(partition, "texts", ".parquet", shaped_by),
            "keys": work.name(partition, "keys", ".parquet", shaped_by),
        }
        for partition in work.partitions
    ]
    work.each("screened", screen, tasks)
    for partition in work.partitions:
        work.ledger.add_screened(partition.number, work.part(partition, "keys"))


def _study(work: Work) -> None:
    shaped_by = work.spec.model_dump(include={"dedup", "decontamination"}, mode="json")
    tasks = []
    for partition in work.partitions:
        names = work.parts[partition.number]
        copies = work.ledger.dropped(partition.number)
        made_from = (names["texts"], shaped_by, work.benchmarks, copies)
        studied = work.name(partition, "studied", ".parquet", *made_from)
        tasks.append({"texts": names["texts"], "copies": copies, "studied": studied})
    work.each("studied", study, tasks)
    for partition in work.partitions:
        work.ledger.add_studied(partition.number, work.part(partition, "studied"))


def _drop_near(work: Work) -> None:
    """Drop near-duplicates: candidates by band, then by what their texts share."""
    groups, rules = work.ledger.groups(), work.spec.dedup.near
    wanted = work.ledger.places(near.candidates(groups))
    alike = [partition for partition in work.partitions if partition.number in wanted]
    tasks = []
    for partition in alike:
        texts = work.parts[partition.number]["texts"]
        rows = [row for row, _ in wanted[partition.number]]
        name = work.name(partition, "shingles", ".npy", texts, rules.shingle, rows)
        tasks.append({"texts": texts, "rows": rows, "shingles": name})
    work.each("compared", similar.cut, tasks)
    cut = [
        (np.array([document for _, document in wanted[p.number]]), work.part(p, "shingles"))
        for p in alike
    ]
    work.ledger.drop_near(
        *similar.copies(groups, cut, work.step.scratch / "shingles", rules.threshold)
    )


def _finish(work: Work, rates: dict[str, float]) -> tuple[list[File], Residue]:
    """Write the shards; return them as the manifest lists them, and what their audit found."""
    audited = work.ledger.audited(work.spec.redaction.audit_sample)
    asked = work.spec.model_dump(include={"redaction", "order", "seed"}, mode="json")
    shaped_by = [asked, rates]
    tasks: list[dict[str, Any]] = []
    left = work.ledger.left()
    kept = [item for item in work.partitions if item.number in left]
    for number, partition in enumerate(kept):
        names, gone = work.parts[partition.number], work.ledger.dropped(partition.number)
        shard = f"data/shard-{number:05d}.parquet"
        checked = audited.get(partition.number, [])
        made_from = (names["texts"], shaped_by, gone, checked, shard, work.step.prefix)
        tasks.append(
            {
                "texts": names["texts"],
                "keys": names["keys"],
                "gone": gone,
                "audited": checked,
                "rates": rates,
                "shard": shard,
                "kept": work.name(partition, "kept", ".parquet", *made_from),
                "described": work.name(partition, "described", ".json", *made_from),
            }
        )
    work.each("finished", finish, tasks)
    for partition in kept:
        work.ledger.add_kept(partition.number, work.part(partition, "kept"))
    parts = work.context.parts
    told = [json.loads(parts.there(task["described"]).read_text()) for task in tasks]
    residue = sum((Residue(**one["residue"]) for one in told), Residue(0))
    return [File.model_validate(one) for one in told], residue


if __name__ == "__main__":
    run.main(make)
