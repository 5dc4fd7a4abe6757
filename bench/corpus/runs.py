"""The runs of the comparison: a command each, measured alike."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.corpus import machine
from bench.corpus.machine import Cost
from bench.corpus.tables import Sample
from pipeline_steps.corpus.problems import humaneval
from tests import corpus_runs
from tests.minio_server import MinioServer

LIMIT = 12 * 2**30  # bytes of memory at which a run is stopped
CORES = 2
BUCKET = "bench"
ANY = {"preset": "any-detected", "unlicensed": "keep"}  # licences: they are looked for, all stay
OFF: dict[str, Any] = {  # of a DataCorpus, every stage that can be but near-deduplication
    "licences": ANY,
    "quality": {"preset": "none", "dropGenerated": False, "dropVendored": False},
    "parse": {"languages": []},
    "lint": {"rules": []},
    "security": {"malware": "keep", "insecure": {"high": "keep", "medium": "keep"}},
    "dedup": {"exact": False},
    "redaction": dict.fromkeys(("secrets", "passwords", "emails", "addresses", "names"), False)
    | {"auditSample": 0},
    "order": {"mode": "file", "by": "path"},
}
ON: dict[str, Any] = {"licences": ANY, "decontamination": [{"benchmark": "humaneval"}]}
TEXT_DEDUP = """
[input]
input_type = "local_files"
file_type = "parquet"
[input.read_arguments]
path = "parquet"
data_files = "{tables}/*.parquet"
split = "train"
[algorithm]
algorithm_name = "minhash"
text_column = "text"
num_perm = 250
ngram_size = 5
threshold = 0.7
num_proc = {cores}
batch_size = 10000
check_false_positive = true
[output]
output_dir = "{out}"
[debug]
enable_profiling = false
"""


@dataclass(frozen=True)
class Run:
    """A tool at work on a sample."""

    name: str
    sample: Sample
    cost: Cost
    out: Path  # folder of the tables that it wrote, where it did
    printed: str

    @property
    def disk(self) -> int:
        """Bytes that it left beside its output; links to the input are none."""
        folders = [one for one in self.out.parent.iterdir() if one.is_dir() and one != self.out]
        files = (path for folder in folders for path in folder.rglob("*"))
        return sum(
            path.lstat().st_size for path in files if path.is_file() and not path.is_symlink()
        )

    @property
    def pace(self) -> float:
        """Megabytes a second from the start of the process to its end; 0 when it failed."""
        return 0.0 if self.cost.failed else self.sample.megabytes / self.cost.seconds


@dataclass(frozen=True)
class Bench:
    """Where the runs work, and the server that ours keep their objects in."""

    folder: Path
    minio: MinioServer
    server: int  # process

    def corpus(self, name: str, sample: Sample, spec: Mapping[str, Any]) -> Run:
        """Run a DataCorpus as its pod would."""
        return self._ours(name, sample, spec, "pipeline_steps.corpus")

    def near_alone(self, name: str, sample: Sample) -> Run:
        """Run the passes of near-deduplication."""
        out = self.folder / name / "out"
        return self._ours(name, sample, OFF, "bench.corpus.near_alone", sample.folder, out)

    def _put(self, sample: Sample) -> str:
        """Return the prefix of a sample in the bucket; what is there is not uploaded again."""
        store, prefix = self.minio.store(BUCKET), f"{sample.folder.name}/"
        if not any(store.list(prefix)):
            for path in sample.tables:
                store.upload(path, f"{prefix}{path.name}")
        return prefix

    def _ours(self, name: str, sample: Sample, spec: Mapping[str, Any], *words: str | Path) -> Run:
        """Run a module of ours. The server's CPU counts, and its memory does not."""
        folder = self._new(name)
        columns = {"content": "text"}
        source = {"name": "tables", "parquet": {"prefix": self._put(sample), "columns": columns}}
        at = corpus_runs.places(self.minio, BUCKET, folder, name, {"sources": [source], **spec})
        places = corpus_runs.environment(at)
        before = machine.cpu_of(self.server)
        run = self._run(name, sample, [sys.executable, "-m", *words], **places)
        served = machine.cpu_of(self.server) - before
        return replace(run, cost=replace(run.cost, cpu=run.cost.cpu + served))

    def datatrove(
        self, python: Path, name: str, sample: Sample, what: str, shape: tuple[int, int], words: str
    ) -> Run:
        """Run bench.corpus.with_datatrove: `what` is near or pipeline, `shape` bands and rows."""
        folder = self._new(name)
        texts = [t for one in humaneval(10).problems for t in (one.prompt, *one.pieces)]
        (folder / "benchmark.json").write_text(json.dumps(texts))
        module = [python, "-m", "bench.corpus.with_datatrove", what]
        return self._run(name, sample, [*module, sample.folder, folder, *map(str, shape), words])

    def text_dedup(self, python: Path, name: str, sample: Sample) -> Run:
        """Run text-dedup's MinHash as its README does, with the settings of BigCode."""
        folder = self._new(name)
        config = TEXT_DEDUP.format(tables=sample.folder, out=folder / "out", cores=CORES)
        (folder / "config.toml").write_text(config)
        command = [python, "-m", "text_dedup.minhash"]
        return self._run(name, sample, command, HF_HOME=folder / "cache", HF_HUB_OFFLINE=1)

    def _new(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def _run(
        self, name: str, sample: Sample, command: list[str | Path], **environment: object
    ) -> Run:
        folder = self.folder / name
        log = folder / "log"
        said = {key: str(value) for key, value in environment.items()}
        cost = machine.run(command, log, folder, CORES, LIMIT, said)
        return Run(name, sample, cost, folder / "out", log.read_text(errors="replace"))
