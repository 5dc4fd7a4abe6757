"""Make a corpus: archives of the bucket in, clean, deduplicated, redacted Parquet shards out.

    python -m pipeline_steps.corpus

Stages, in this order, since each is cheaper or leaves less to the next (ledger.STAGES): read →
language → licence → quality → exact dedup → decontamination → near dedup → redaction. Quality
comes before near dedup, or a rule could drop a cluster's only kept file; ids are hashed after
redaction, which changes the text.

Out: data/shard-*.parquet (columns in shards.SCHEMA), dropped.parquet (why each missing file is
missing). Same input, same spec, same libraries: same bytes. The texts are held in memory: 150 MB
of source took 1 GB, and 36 s of one core.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any, cast

import pyarrow as pa

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps import run
from pipeline_steps.corpus import archives, contamination, dedup, maps, redaction, shards
from pipeline_steps.corpus.ledger import STAGES, Ledger
from pipeline_steps.errors import UserError

log = logging.getLogger(__name__)
LIBRARIES = (
    "daft", "datasketch", "enry-python", "licenseclassifier", "numpy", "pyahocorasick", "pyarrow",
    "xxhash",
)  # fmt: skip


def make(step: run.Step) -> run.Made:
    """Run the stages over every archive that the spec names."""
    spec = cast(DataCorpusSpec, step.spec)
    ledger = Ledger()
    index = contamination.Index(list(_benchmarks(step, spec)))
    table = _sorted(maps.files(_archives(step, spec), spec))
    table = _screened(table, ledger)
    _tell(step, "quality", table, ledger)
    for stage, drops in _stages(spec, index):
        table = _without(table, stage, drops(table), ledger)
        _tell(step, stage, table, ledger)
    if not len(table):
        raise _nothing_left(ledger)
    return _made(step, table, spec, ledger)


Drops = dict[int, tuple[str, str]]  # row -> reason, value


def _stages(
    spec: DataCorpusSpec, index: contamination.Index
) -> Iterator[tuple[str, Callable[[pa.Table], Drops]]]:
    """Yield the stages that look at the corpus as a whole."""

    def exact(table: pa.Table) -> Drops:
        return _copies(table, "copy", dedup.exact(table["sha256"].to_pylist()))

    def decontamination(table: pa.Table) -> Drops:
        found = maps.contaminated(table["text"], index)
        return {row: (drop.reason, drop.value) for row, drop in enumerate(found) if drop}

    def near(table: pa.Table) -> Drops:
        rules = spec.dedup.near
        found = dedup.near(maps.shingled(table["text"], rules.shingle), rules)
        return _copies(table, "near-duplicate", found)

    if spec.dedup.exact:
        yield "exact-dedup", exact
    if spec.decontamination:
        yield "decontamination", decontamination
    if spec.dedup.near.enabled:
        yield "near-dedup", near


def _archives(step: run.Step, spec: DataCorpusSpec) -> list[maps.Archive]:
    """Download every archive of every source."""
    wanted: list[tuple[str, maps.Archive]] = []
    for source in spec.sources:
        prefix = source.archives.prefix
        keys = [item.key for item in step.store.list(prefix) if archives.suffix(item.key)]
        if not keys:
            raise UserError(
                f"spec.sources: source {source.name!r} has no archive below {prefix!r}; "
                f"an archive's name ends with {', '.join(archives.SUFFIXES)}"
            )
        for number, key in enumerate(keys):
            repository = archives.repository(key, prefix)
            # Numbered: a key may hold "..", or be longer than a file's name can be.
            file = step.scratch / "archives" / source.name / f"{number}{archives.suffix(key)}"
            wanted.append((key, maps.Archive(source.name, repository, source.role != "code", file)))
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda item: step.store.download(item[0], item[1].file), wanted):
            pass
    return [archive for _, archive in wanted]


def _benchmarks(step: run.Step, spec: DataCorpusSpec) -> Iterator[contamination.Benchmark]:
    for item in spec.decontamination:
        if item.key is None:
            yield contamination.humaneval(item.ngram)
        else:
            yield contamination.problems_file(item.key, step.store.read(item.key), item.ngram)


def _sorted(table: pa.Table) -> pa.Table:
    """Return the rows in the order that decides which of two copies is kept.

    The hash decides between `a.zip` and `a.tar.gz`, which are one repository by name.
    """
    order = ("source", "repository", "path", "sha256")
    return table.sort_by([(name, "ascending") for name in order])


def _screened(table: pa.Table, ledger: Ledger) -> pa.Table:
    """Enter what the maps dropped into the ledger, and return the rest."""
    rest = table.drop_columns(["text"]).to_pylist()
    kept = []
    for number, row in enumerate(rest):
        if row["stage"]:
            ledger.drop(row, row["stage"], row["reason"], row["value"])
        else:
            kept.append(number)
    return _taken(table, kept)


def _without(table: pa.Table, stage: str, drops: Drops, ledger: Ledger) -> pa.Table:
    rows = _taken(table.drop_columns(["text"]), sorted(drops)).to_pylist()
    for row, number in zip(rows, sorted(drops), strict=True):
        ledger.drop(row, stage, *drops[number])
    return _taken(table, [number for number in range(len(table)) if number not in drops])


def _taken(table: pa.Table, rows: list[int]) -> pa.Table:
    return table.take(pa.array(rows, pa.int64()))  # the type of an empty list is not known


def _nothing_left(ledger: Ledger) -> UserError:
    """Return what to say of a corpus of which nothing is left."""
    reasons = [
        f"{stage} {reason} {count}"
        for stage, counted in ledger.by_stage().items()
        for reason, count in counted.items()
    ]
    return UserError(
        f"spec: none of {len(ledger.rows)} files is left ({', '.join(reasons)}); "
        "allow more in spec.licences or spec.quality, or give other spec.sources"
    )


def _copies(table: pa.Table, reason: str, copies: dict[int, dedup.Copy]) -> Drops:
    """Return the drops with, as value, the similarity to the kept file and its place."""
    places = _taken(
        table.select(["source", "repository", "path"]), [copy.of for copy in copies.values()]
    )
    kept = ("/".join(place.values()) for place in places.to_pylist())
    return {
        number: (reason, f"{copy.similarity:.3f} {place}")
        for (number, copy), place in zip(copies.items(), kept, strict=True)
    }


def _made(step: run.Step, table: pa.Table, spec: DataCorpusSpec, ledger: Ledger) -> run.Made:
    size = sum(table["bytes"].to_pylist())
    clean = maps.redacted(table["text"], spec)
    ledger.edits.update(secrets=sum(item.secrets for item in clean))
    ledger.edits.update(emails=sum(item.emails for item in clean))
    described = table.drop_columns(["text"]).to_pylist()
    rows = [_row(row, item) for row, item in zip(described, clean, strict=True)]
    folder = step.scratch / "corpus"
    shards.write(rows, folder)
    shards.write_table(ledger.table(), folder / "dropped.parquet")
    _tell(step, "redaction", table, ledger)
    counters = ledger.counters(len(rows), size) | {
        "sources": _totals(rows, "source"),
        "languages": _totals(rows, "language"),
        "licences": _totals(rows, "licence"),
    }
    return run.Made(folder, _results(rows, ledger), counters, LIBRARIES)


def _row(row: dict[str, Any], clean: redaction.Redacted) -> dict[str, Any]:
    place = {name: row[name] for name in ("source", "repository")}
    place["path"] = redaction.cut_apart(row["path"])
    identity = "\0".join([*place.values(), clean.text])
    return {
        "id": sha256(identity.encode()).hexdigest()[:32],
        **place,
        "language": row["language"],
        "licence": row["licence"],
        "content": clean.text,
        "bytes": len(clean.text.encode()),
    }


def _results(rows: list[dict[str, Any]], ledger: Ledger) -> dict[str, float | int | str]:
    return {
        "files": len(rows),
        "bytes": sum(row["bytes"] for row in rows),
        "repositories": len({(row["source"], row["repository"]) for row in rows}),
        "dropped": len(ledger.rows),
    }


def _totals(rows: list[dict[str, Any]], column: str) -> dict[str, dict[str, int]]:
    files, size = Counter[str](), Counter[str]()
    for row in rows:
        files[row[column]] += 1
        size[row[column]] += row["bytes"]
    return {name: {"files": files[name], "bytes": size[name]} for name in sorted(files)}


def _tell(step: run.Step, stage: str, table: pa.Table, ledger: Ledger) -> None:
    """Say how far the step is."""
    done, kept = STAGES.index(stage) + 1, len(table)
    log.info("%s: %d files are left, %d dropped so far", stage, kept, len(ledger.rows))
    step.progress.update(done, len(STAGES), "stages", f"{kept} files", {"files": float(kept)})
    for name, reasons in ledger.by_stage().items():
        for reason, count in reasons.items():
            step.progress.gauge("dropped_files", count, stage=name, reason=reason)


if __name__ == "__main__":
    run.main(make)
