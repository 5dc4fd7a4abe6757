"""Measure the corpus, beside other tools on the same files: python -m bench.corpus.

In order: the screens that judge one file (bench.corpus_order, _screens, _secrets); near-dedup and
a whole DataCorpus on the sample; then datatrove and text-dedup on a part of it, and ours again on
that part. Every run is a process of its own on the same cores, measured from its start to its end.
Prints tables of what each run took and what it removed, and last one BAR line a figure.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.corpus import figures, judged, machine, rivals, tables
from bench.corpus.figures import Bar
from bench.corpus.judged import Judged
from bench.corpus.runs import BUCKET, OFF, ON, Bench, Run
from bench.corpus.tables import Sample
from devcluster.layout import DevClusterError, default_cache
from tests.minio_server import MinioServer, minio_binary

SCREENS = ("bench.corpus_order", "bench.corpus_screens", "bench.corpus_secrets")
OWN, DEFAULT = (25, 10), (14, 8)  # bands and rows: ours, and those of datatrove
NEAR, WHOLE = "datatrove-near-14x8", "datatrove-pipeline"  # with the settings of its authors
COSTS = ("run", "text", "wall", "CPU", "peak memory", "disk a file", "pace")
UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.corpus", description=__doc__)
    parser.add_argument("--size", type=size, default="1100M", help="of the sample, such as 100M")
    parser.add_argument("--part", type=size, default="200M", help="that the other tools get")
    parser.add_argument("--no-screens", action="store_true", help="leave the other benches out")
    asked = parser.parse_args()
    bars = [] if asked.no_screens else [bar for name in SCREENS for bar in screened(name)]
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch)) as bench:
        folder = Path(scratch)
        sample, planted = tables.write(folder / "tables", default_cache(), asked.size)
        part = tables.part(sample, folder / "part", min(asked.part, asked.size))
        for name, one in (("all", sample), ("part", part)):
            print(f"{name}: {one.files:,} files, {one.megabytes:.0f} MB, {len(one.tables)} tables")
        runs = {run.name: run for run in measured(bench, sample, part)}
        print("", figures.table(COSTS, map(cost, runs.values())), "", sep="\n", flush=True)
        found = {one.name: one for one in judged.judge(runs, part, planted)}
        print(figures.table(judged.HEADER, map(judged.row, found.values())), "", sep="\n")
        bars += verdicts(runs, found)
    print(*bars, sep="\n")


def size(text: str) -> int:
    """Return bytes: 100M."""
    return round(float(text.rstrip("KMG")) * UNITS.get(text[-1], 1))


def screened(module: str) -> list[Bar]:
    """Run another bench, show what it prints, and return its figures."""
    done = subprocess.run([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    return figures.parse(done.stdout)


@contextmanager
def serving(folder: Path) -> Iterator[Bench]:
    """Start the object store that a DataCorpus needs."""
    binary = minio_binary()
    if binary is None:
        raise SystemExit("no MinIO server: `make cluster-up` builds one, or set OREMILL_MINIO")
    minio = MinioServer.new(folder / "minio")
    with minio.running(binary):
        minio.store(BUCKET)
        (server,) = machine.children(os.getpid())
        yield Bench(folder, minio, server)


def measured(bench: Bench, sample: Sample, part: Sample) -> Iterator[Run]:
    """Run everything, ours first, and say after each what it took."""
    for run in _runs(bench, sample, part):
        print(figures.table(COSTS, [cost(run)]).splitlines()[-1], flush=True)
        if run.cost.failed:
            print(*run.printed.splitlines()[-5:], sep="\n")
        yield run


def _runs(bench: Bench, sample: Sample, part: Sample) -> Iterator[Run]:
    yield bench.near_alone("near", sample)
    yield bench.corpus("pipeline", sample, ON)
    yield bench.near_alone("near-part", part)
    yield bench.corpus("near-in-corpus-part", part, OFF)
    yield bench.corpus("pipeline-part", part, ON)
    python = rivals.ensure(default_cache(), "datatrove")
    yield bench.datatrove(python, "datatrove-near-14x8", part, "near", DEFAULT, "spacy")
    yield bench.datatrove(python, "datatrove-near-25x10", part, "near", OWN, "spacy")
    yield bench.datatrove(python, "datatrove-near-25x10-split", part, "near", OWN, "split")
    yield bench.datatrove(python, "datatrove-pipeline", part, "pipeline", DEFAULT, "spacy")
    try:
        other = rivals.ensure(default_cache(), "text-dedup")
    except DevClusterError as error:
        print(f"text-dedup is not compared: {error}")
        return
    yield bench.text_dedup(other, "text-dedup-near-25x10", part)


def cost(run: Run) -> tuple[str, ...]:
    """Return the row of a run."""
    took, size = run.cost, f"{run.sample.megabytes:.0f} MB"
    if took.failed:
        return run.name, size, took.failed, "", "", "", ""
    spent = f"{took.seconds:.1f} s", f"{took.cpu:.1f} s", f"{took.peak / 2**20:.0f} MiB"
    disk = f"{run.disk / run.sample.files:,.0f} B"
    return run.name, size, *spent, disk, f"{run.pace:.2f} MB/s"


def verdicts(runs: dict[str, Run], found: dict[str, Judged]) -> list[Bar]:
    """Return the figures that have a bound."""
    near, ours = runs["near"], found[judged.OURS]
    return [
        Bar.at_least("near-pace", near.pace, "MB/s", 50),
        Bar.at_least("near-against-datatrove", ratio(runs, "near-part", NEAR), "times", 5),
        Bar.at_least("pipeline-against-datatrove", ratio(runs, "pipeline-part", WHOLE), "times", 2),
        Bar.at_least("near-recall-at-80", ours.recalls[0], "share", 0.94),
        Bar.at_least("near-recall-at-85", ours.recalls[1], "share", 0.99),
        Bar.at_most("near-removed-below-70", judged.unlike(near), "files", 0),
        Bar.at_most("near-disk", near.disk / near.sample.files, "bytes/file", 1200),
    ]


def ratio(runs: dict[str, Run], ours: str, theirs: str) -> float:
    """Return how many times faster ours is; 0 when either failed."""
    return runs[ours].pace / runs[theirs].pace if runs[theirs].pace else 0.0


if __name__ == "__main__":
    main()
