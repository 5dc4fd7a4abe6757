"""Measure DataCorpus on real sources of this machine: python -m bench.corpus FOLDER...

Each folder inside a FOLDER (site-packages, a Go tree, several Python releases) is a repository. The
whole pipeline runs as a pod would run it, against a MinIO beside it. Prints, last, one BAR line a
figure; the peak of memory is that of the largest process plus its workers'.
"""

import argparse
import resource
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from oremill.specs.artifact import Order
from pipeline_steps import run
from pipeline_steps.corpus import __main__ as corpus
from pipeline_steps.corpus.shingles import shingles
from pipeline_steps.corpus.sketch import Sketch
from tests.minio_server import MinioServer, minio_binary

NEAR_BAR = 50.0  # MB/s of text on 2 cores, shingling included
BUCKET, NAME = "bench", "real"
MAX_FILE = 1_000_000  # bytes: a larger file is no source


def pack(folders: list[Path], into: Path) -> Iterator[Path]:
    """Yield an archive for each folder inside of `folders`."""
    into.mkdir(parents=True)
    for place in folders:
        for folder in sorted(item for item in place.iterdir() if item.is_dir()):
            archive = into / f"{place.parent.name}-{place.name}-{folder.name}.tar"
            with tarfile.open(archive, "w") as out:
                out.add(folder, folder.name, filter=_plain)
            yield archive


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if info.isfile() and info.size > MAX_FILE else info


def carry_out(minio: MinioServer, folder: Path) -> tuple[run.Step, float]:
    """Run the stage; return the step and its seconds."""
    folder.mkdir()
    order = Order(
        kind="DataCorpus",
        namespace="bench",
        name=NAME,
        uid="u",
        generation=1,
        spec={
            "sources": [{"name": "real", "archives": {"prefix": "in/"}}],
            "licences": {"unlicensed": "keep"},
            "decontamination": [{"benchmark": "humaneval"}],
        },
        storage=minio.store(BUCKET).target,
    )
    (folder / "spec.json").write_text(order.model_dump_json(by_alias=True))
    places = run.Places(
        spec=folder / "spec.json",
        secret=minio.secret,
        ca=folder / "no-ca",
        sandbox_token=folder / "no-token",
        scratch=folder / "scratch",
        termination_log=folder / "outcome.json",
        port=0,
    )
    step = run.load(places)
    begun = time.perf_counter()
    run.carry_out(corpus.make, step)
    return step, time.perf_counter() - begun


def near_alone(texts: list[str]) -> float:
    """Return MB/s of shingles and bands on one core."""
    sketch = Sketch(25, 10)
    sketch.bands(shingles("to compile what is compiled at first use " * 9, 5))
    begun = time.perf_counter()
    for text in texts:
        sketch.bands(shingles(text, 5))
    return sum(map(len, texts)) / 1e6 / (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.corpus", description=__doc__)
    parser.add_argument("folder", nargs="+", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        minio = MinioServer.new(Path(scratch) / "minio")
        binary = minio_binary()
        if binary is None:
            raise SystemExit("no MinIO server: `make cluster-up` builds one, or set OREMILL_MINIO")
        with minio.running(binary):
            store = minio.store(BUCKET)
            for archive in pack(chosen.folder, Path(scratch) / "archives"):
                store.upload(archive, f"in/{archive.name}")
                archive.unlink()
            step, seconds = carry_out(minio, Path(scratch) / "step")
            report(step, seconds, Path(scratch))


def report(step: run.Step, seconds: float, scratch: Path) -> None:
    """Print the funnel and the figures."""
    manifest = step.store.fetch(step.prefix, scratch / "artifact")
    stages: list[dict[str, Any]] = manifest.counters["stages"]
    for stage in stages:
        kept = f"{stage['filesOut']} files, {stage['bytesOut'] / 1e6:.1f} MB"
        print(f"{stage['stage']:>16}: {kept}  {stage['dropped']}")
    read = stages[0]["bytesIn"] / 1e6
    texts = [
        text
        for shard in sorted((scratch / "artifact" / "data").iterdir())
        for text in pq.read_table(shard, columns=["content"])["content"].to_pylist()
    ]
    pace = near_alone(texts)
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"BAR corpus-pipeline {read / seconds:.1f} MB/s none ok")
    print(f"BAR corpus-peak-memory {peak / 1024:.0f} MiB none ok")
    verdict = "ok" if 2 * pace >= NEAR_BAR else "short"
    print(f"BAR corpus-near-dedup {2 * pace:.1f} MB/s >={NEAR_BAR} {verdict}")


if __name__ == "__main__":
    sys.exit(main())
