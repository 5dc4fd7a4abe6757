"""Make a corpus: sources in, clean, deduplicated, redacted Parquet shards out.

    python -m pipeline_steps.corpus

Stages, in this order, since each is cheaper or leaves less to the next (stages.STAGES): opt-out →
read → language → licence → quality → parse → security → lint → exact dedup → decontamination →
near dedup → mixture; then redaction and order. Quality comes before near dedup, or a rule could
drop a cluster's only kept file; ids are hashed after redaction, which changes the text.

They run as passes over the partitions (screen, study, finish), on every core of every machine
(engine.py, machines.py). Between two passes the ledger, one row a file, answers what concerns the
corpus as a whole. What a pass made of a partition is kept in the bucket until the artifact is
published: a stage that is killed goes on from there, with any number of workers, to the same bytes.
With `keepParts` it stays, and a later spec makes again only those parts that it changes (names of
parts: `Work.name`).

Out: data/shard-*.parquet (columns in shards.SCHEMA), ledger.parquet (every file's fate),
report.html and report.md (the same for people).
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from oremill.specs.artifact import File
from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps import run
from pipeline_steps.corpus import (
    estimate,
    machines,
    malware,
    mixture,
    partitions,
    report,
    sample,
    similar,
)
from pipeline_steps.corpus.alike import Alike
from pipeline_steps.corpus.audit import Residue
from pipeline_steps.corpus.clear import clear
from pipeline_steps.corpus.finish import FINISHED_BY, finish
from pipeline_steps.corpus.ledger import Ledger
from pipeline_steps.corpus.memory import shares
from pipeline_steps.corpus.near import Numbers
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.screen import SHAPED_BY, screen, texts_without
from pipeline_steps.corpus.sources import door
from pipeline_steps.corpus.study import bands_of, study
from pipeline_steps.corpus.work import LIBRARIES, Work
from pipeline_steps.errors import UserError
from pipeline_steps.limits import cores, memory

log = logging.getLogger(__name__)


def make(step: run.Step) -> run.Made:
    """Run the passes over every archive that the spec names."""
    spec = cast(DataCorpusSpec, step.spec)
    malware.self_test()
    with _ledger(step, spec) as ledger:
        items = list(_items(step, spec))
        chosen = sample.drawn(items, spec.sample.fraction, spec.seed) if spec.sample else items
        work = Work(step, spec, partitions.plan(chosen), ledger)
        _screen(work)
        _withhold(work)
        _drop_copies(work)
        _study(work)
        _drop_near(work)
        taken = _mix(work)
        shards, residue = _finish(work, {role: share.rate for role, share in taken.items()})
        ledger.write(work.folder / "ledger.parquet")
        work.tidy()
        made = _made(work, taken, shards, residue)
        return _estimated(work, made, items) if spec.sample else made


def _ledger(step: run.Step, spec: DataCorpusSpec) -> Ledger:
    names = [source.name for source in spec.sources]
    shared = shares(memory(), cores(), spec)
    log.info("of %d MiB of memory: %s", memory() >> 20, shared)
    folder = step.scratch / "ledger"
    return Ledger(folder, names, bands_of(spec), shared.ledger, shared.threads)


def _items(step: run.Step, spec: DataCorpusSpec) -> Iterator[Item]:
    """Yield what every source has."""
    for priority, source in enumerate(spec.sources):
        yield from door.items(source, priority, step.store, step.scratch)


def _nothing_left(ledger: Ledger) -> UserError:
    """Return what to say of a corpus of which no file is left."""
    stages = ledger.funnel()
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
    shaped_by = work.spec.model_dump(include=SHAPED_BY, mode="json")
    tasks = {
        partition.number: {
            "items": partition.described,
            "texts": work.name(partition, "texts", "", shaped_by),  # how the name begins
            "keys": work.name(partition, "keys", ".parquet", shaped_by),
        }
        for partition in work.partitions
    }
    work.each("screened", screen, tasks)
    for partition in work.partitions:
        work.ledger.add_screened(partition.number, work.part(partition, "keys"))


def _withhold(work: Work) -> None:
    """Drop what names decide: what owners opted out of, and repositories of benchmarks."""
    work.watch.lap("ledger")
    work.ledger.drop_opted_out(work.context.opt_outs)
    work.watch.lap("opt-out")
    _clear(work)
    work.ledger.drop_benchmarks(work.context.contamination.repository)
    work.tell()


def _clear(work: Work) -> None:
    """Name the texts without those that are opted out; make what an earlier run left otherwise."""
    opted_out, tasks = work.ledger.dropped("opt-out"), dict[int, dict[str, Any]]()
    kept: dict[str, list[str]] = {}
    for name in sorted(work.before):
        kept.setdefault(name.rpartition("-")[0], []).append(name)
    for partition in work.partitions:
        names, gone = work.parts[partition.number], opted_out.get(partition.number, [])
        begin, names["texts"] = names["texts"], texts_without(names["texts"], gone)
        if names["keys"] in work.before and names["texts"] not in work.before:
            others = kept.get(begin, [])
            told = {"items": partition.described, "gone": gone, "kept": others}
            tasks[partition.number] = names | told
    work.each("cleared", clear, tasks)


def _drop_copies(work: Work) -> None:
    work.watch.lap("ledger")
    if work.spec.dedup.exact:
        work.ledger.drop_copies()
        work.watch.lap("exact-dedup")
    work.ledger.drop_beyond_caps({cap.name: cap.max_bytes for cap in work.spec.languages.caps})
    work.tell()


def _study(work: Work) -> None:
    near = work.spec.dedup.near.model_dump(include={"enabled", "shingle", "bands", "rows"})
    gone, tasks = work.ledger.dropped(), dict[int, dict[str, Any]]()
    for partition in work.partitions:
        names, rows = work.parts[partition.number], gone.get(partition.number, [])
        made_from = (names["keys"], near, work.benchmarks, rows)
        studied = work.name(partition, "studied", ".parquet", *made_from)
        tasks[partition.number] = {"texts": names["texts"], "gone": rows, "studied": studied}
    work.each("studied", study, tasks)
    for partition in work.partitions:
        work.ledger.add_studied(partition.number, work.part(partition, "studied"))
    work.tell()


def _drop_near(work: Work) -> None:
    """Drop near-duplicates: candidates by band, then by what their texts share."""
    if not bands_of(work.spec):
        return
    work.watch.lap("ledger")
    alike, rules = work.ledger.alike(), work.spec.dedup.near
    work.watch.lap("near-dedup")
    cut = _cut(work, alike)
    found = similar.Shingles(alike.documents, cut, work.step.scratch)
    for copies in similar.copies(alike, found, rules.bands, rules.threshold):
        work.ledger.drop_near(*copies)
    for _, path in cut:
        path.unlink()  # as large as the texts; the bucket has them for a run that goes on
    work.watch.lap("near-dedup")
    work.tell()


def _cut(work: Work, alike: Alike) -> list[tuple[Numbers, Path]]:
    """Cut the shingles of candidates; return the candidates of each partition and the file."""
    wanted, shingle = alike.places(), work.spec.dedup.near.shingle
    chosen = [partition for partition in work.partitions if partition.number in wanted]
    tasks = dict[int, dict[str, Any]]()
    for partition in chosen:
        names, rows = work.parts[partition.number], wanted[partition.number][0].tolist()
        name = work.name(partition, "shingles", ".bin", names["keys"], shingle, rows)
        tasks[partition.number] = {"texts": names["texts"], "rows": rows, "shingles": name}
    work.each("compared", similar.cut, tasks)
    return [(wanted[one.number][1], work.part(one, "shingles")) for one in chosen]


def _mix(work: Work) -> dict[str, mixture.Share]:
    """Drop what the mixture takes no times; return what each role gives.

    Raises:
        UserError: nothing is left to mix.
    """
    work.watch.lap("ledger")
    if not work.ledger.left():
        raise _nothing_left(work.ledger)
    taken = mixture.shares(work.ledger.sizes(work.spec.mixture.unit), work.spec.mixture)
    rates = {role: share.rate for role, share in taken.items()}
    work.ledger.drop_by_mixture(work.spec.seed, rates)
    work.watch.lap("mixture")
    work.tell()
    return taken


def _finish(work: Work, rates: dict[str, float]) -> tuple[list[File], Residue]:
    """Write the shards; return them as the manifest lists them, and what their audit found."""
    audited = work.ledger.audited(work.spec.redaction.audit_sample)
    asked = work.spec.model_dump(include=FINISHED_BY, mode="json")
    drawn = [work.spec.seed] if work.spec.order.drawn else []
    tasks = dict[int, dict[str, Any]]()
    left, dropped = work.ledger.left(), work.ledger.dropped()
    repeated = work.ledger.taken(work.spec.seed, rates)
    kept = [item for item in work.partitions if item.number in left]
    for number, partition in enumerate(kept):
        names, gone = work.parts[partition.number], dropped.get(partition.number, [])
        checked = audited.get(partition.number, [])
        roles, times = repeated.get(partition.number, ([], ""))
        made_from = (names["keys"], asked, drawn, gone, checked, times)
        tasks[partition.number] = {
            "texts": names["texts"],
            "keys": names["keys"],
            "gone": gone,
            "audited": checked,
            "rates": {role: rates[role] for role in roles},
            "shard": f"data/shard-{number:05d}.parquet",
            "kept": work.name(partition, "kept", ".parquet", *made_from),
            "described": work.name(partition, "described", ".json", *made_from),
        }
    work.each("finished", finish, tasks)
    for partition, task in zip(kept, tasks.values(), strict=True):
        work.ledger.add_kept(partition.number, work.part(partition, "kept"), task["shard"])
    parts = work.context.parts
    told = [json.loads(parts.there(task["described"]).read_text()) for task in tasks.values()]
    residue = sum((Residue(**one["residue"]) for one in told), Residue(0))
    work.tell()
    return [File.model_validate(one) for one in told], residue


def _made(
    work: Work, taken: dict[str, mixture.Share], shards: list[File], residue: Residue
) -> run.Made:
    """Return the artifact, with what status and the manifest say of it; its report is in it."""
    told = {
        "mixture": {role: asdict(one) for role, one in taken.items()},
        "audit": asdict(residue) | {"statement": residue.statement()},
    }
    results = work.ledger.results()
    if len(taken) > 1:
        results |= {f"share/{role}": round(one.reached, 4) for role, one in taken.items()}
    if residue.files:
        results["residualRate"] = round(residue.bound, 6)
    made = run.Made(
        work.folder,
        results,
        work.ledger.counters() | told,
        (*LIBRARIES, "matplotlib"),
        placed=tuple(shards),
        temporary="" if work.spec.keep_parts else work.context.parts.prefix,
    )
    work.watch.lap("ledger")
    _report(work, made)
    work.watch.lap("report")
    return replace(made, counters=made.counters | {"cost": work.spent()})


def _estimated(work: Work, made: run.Made, items: list[Item]) -> run.Made:
    """Return the artifact of a sample, with what is told of the whole input."""
    told = estimate.counters(
        estimate.Sampled(work.partitions, items),
        work.costs(),
        work.watch.cost,
        work.ledger.ask(estimate.kept),
    )
    for line in estimate.lines(told):
        log.info("%s", line)
    return replace(
        made,
        results=made.results | estimate.results(told),
        counters=made.counters | {"estimate": told},
    )


def _report(work: Work, made: run.Made) -> None:
    """Write the report, of nothing but what a spec and its inputs decide."""
    told = report.Told(
        work.spec,
        work.step.order.digest,
        work.step.inputs,
        made.counters,
        made.results,
        run.versions(made.libraries),
    )
    work.ledger.ask(partial(report.write, made.folder, told))


if __name__ == "__main__":
    run.main(machines.spread(make))
