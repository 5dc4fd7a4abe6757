"""Tell what a DataCorpus costs, stage by stage: python -m bench.corpus_cost FOLDER...

Each folder inside a FOLDER (site-packages, a Go tree) is a repository, packed as an archive. With
--fraction a sample of them is made, as `spec.sample` does it, and the interval of the estimate is
shown. What the run cost is then spread over --whole bytes of text. Prints, last, a BAR line for the
disk that near-duplicates take.
"""

import argparse
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline_steps import run
from pipeline_steps.corpus import estimate
from pipeline_steps.corpus.context import Recipe
from tests import corpus_runs
from tests.minio_server import MinioServer, minio_binary

BUCKET = "cost"
MAX_FILE = 1_000_000  # bytes: a larger file is no source
DISK_BAR = 1200  # bytes a file
UNITS = {"M": 1e6, "G": 1e9, "T": 1e12}
NEAR = ("studied", "shingles")  # parts that only near-dedup needs


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.corpus_cost", description=__doc__)
    parser.add_argument("folder", nargs="+", type=Path)
    parser.add_argument("--fraction", type=float, default=1.0, help="of the repositories")
    parser.add_argument("--whole", default="67.5T", help="bytes of text: 67.5T, 900G")
    asked = parser.parse_args()
    binary = minio_binary()
    if binary is None:
        raise SystemExit("no MinIO server: `make cluster-up` builds one, or set OREMILL_MINIO")
    with tempfile.TemporaryDirectory() as scratch:
        minio = MinioServer.new(Path(scratch) / "minio")
        with minio.running(binary):
            for archive in pack(asked.folder, Path(scratch) / "archives"):
                minio.store(BUCKET).upload(archive, f"in/{archive.name}")
                archive.unlink()
            return report(carried_out(minio, Path(scratch), asked.fraction), asked.whole)


def pack(folders: list[Path], into: Path) -> Iterator[Path]:
    """Yield an archive for each folder inside of `folders`."""
    into.mkdir(parents=True)
    for place in folders:
        for folder in sorted(item for item in place.iterdir() if item.is_dir()):
            archive = into / f"{place.parent.name}-{place.name}-{folder.name}.tar"
            with tarfile.open(archive, "w") as out:
                out.add(folder, folder.name, filter=_source)
            yield archive


def _source(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what no repository holds: libraries, archives, compiled modules."""
    large = info.isfile() and info.size > MAX_FILE
    return None if large or info.name.endswith("__pycache__") else info


def carried_out(
    minio: MinioServer, folder: Path, fraction: float
) -> tuple[corpus_runs.Done, float]:
    """Make the corpus; return it and its seconds."""
    spec = {
        "sources": [{"name": "real", "archives": {"prefix": "in/"}}],
        "licences": {"unlicensed": "keep"},
        "decontamination": [{"benchmark": "humaneval"}],
        "sample": {"fraction": fraction},
    }
    begun = time.perf_counter()
    done = corpus_runs.carried_out(corpus_runs.places(minio, BUCKET, folder / "step", "cost", spec))
    return done, time.perf_counter() - begun


def report(made: tuple[corpus_runs.Done, float], whole: str) -> int:
    """Print the tables and the bar."""
    (step, manifest), seconds = made
    counters = manifest.counters
    print(*estimate.lines(counters["estimate"]), "", sep="\n")
    text = counters["stages"][0]["bytesIn"]
    for line in table(counters["cost"], text, float(whole[:-1]) * UNITS[whole[-1]]):
        print(line)
    spent = sum(one["cpuSeconds"] for one in counters["cost"].values())
    print(f"\n{text / 1e6:.0f} MB of text in {seconds:.0f} s: {text / 1e6 / seconds:.1f} MB/s")
    print(f"{spent / seconds:.2f} of {os.cpu_count()} cores were busy with stages\n")
    disk = near_disk(step, counters["stages"][0]["filesIn"])
    print(f"BAR corpus-near-disk {disk:.0f} bytes/file {DISK_BAR} {verdict(disk <= DISK_BAR)}")
    return 0 if disk <= DISK_BAR else 1


def verdict(kept: bool) -> str:
    """Return how a figure stands to its bound."""
    return "ok" if kept else "short"


def table(cost: Mapping[str, Any], text: int, whole: float) -> Iterator[str]:
    """Yield a row of Markdown for each stage.

    Args:
        cost: stage -> cpuSeconds and bytes.
        text: bytes of text that were read.
        whole: bytes of text that the last column is for.
    """
    yield f"| stage | MB | CPU s | MB/s a core | CPU hours for {whole / 1e12:g} TB |"
    yield "|---|---|---|---|---|"
    hours = whole / text / 3600
    for stage, one in cost.items():
        size, seconds = one["bytes"] / 1e6, one["cpuSeconds"]
        pace = f"{size / seconds:.0f}" if size and seconds else ""
        yield f"| `{stage}` | {size:.0f} | {seconds:.2f} | {pace} | {seconds * hours:,.0f} |"
    seconds = sum(one["cpuSeconds"] for one in cost.values())
    pace = f"{text / 1e6 / seconds:.1f}"
    yield f"| all | {text / 1e6:.0f} | {seconds:.2f} | {pace} | {seconds * hours:,.0f} |"


def near_disk(step: run.Step, files: int) -> float:
    """Return the bytes a file that the search for near-duplicates took, in the bucket and beside.

    The bands are twice there: in a part of each partition, and in the ledger.
    """
    work = Recipe.of(step).open().parts.folder
    parts = sum(path.stat().st_size for role in NEAR for path in (work / role).rglob("*.*"))
    return (parts + (step.scratch / "ledger" / "ledger.db").stat().st_size) / files


if __name__ == "__main__":
    sys.exit(main())
