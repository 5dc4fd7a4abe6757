"""A corpus that is killed, and one that several processes make: the same bytes as any other."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from oremill import names
from oremill.specs.artifact import File
from pipeline_steps import run
from pipeline_steps.corpus import work
from pipeline_steps.evaluate.steplang import MIT
from pipeline_steps.storage import Store
from tests import corpus_runs
from tests.corpus_runs import archive
from tests.minio_server import MinioServer

BUCKET = "corpus-resume"
REPOSITORIES = 24


def program(seed: int) -> str:
    chosen = random.Random(seed)
    lines = [f"def step_{chosen.randrange(999)}(x):\n    return x + {i}\n" for i in range(60)]
    return "\n".join(lines)


def repository(number: int) -> bytes:
    """Return a repository that shares one file, and nearly another, with the next one."""
    files = {"LICENSE": MIT, "own.py": program(number), "shared.py": program(number // 2 + 1000)}
    files["near.py"] = program(number // 3 + 2000).replace("x + 7\n", f"x + {number}\n")
    return archive(f"r-{number}", files)


def filled(minio: MinioServer, folder: Path) -> Store:
    """Return the bucket with the archives in it."""
    store, file = minio.store(BUCKET), folder / "one"
    for number in range(REPOSITORIES):
        file.write_bytes(repository(number))
        store.upload(file, f"in/r-{number}.tar.gz")
    return store


@pytest.fixture(scope="module")
def inputs(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return filled(minio, tmp_path_factory.mktemp("archives"))


def places(minio: MinioServer, folder: Path, name: str, **fields: Any) -> run.Places:
    spec = {"sources": [{"name": "demo", "archives": {"prefix": "in/"}}]} | fields
    return corpus_runs.places(minio, BUCKET, folder, name, spec)


def made(at: run.Places) -> list[File]:
    return corpus_runs.carried_out(at)[1].files


@pytest.fixture(scope="module")
def undisturbed(
    minio: MinioServer, inputs: Store, tmp_path_factory: pytest.TempPathFactory
) -> list[File]:
    return made(places(minio, tmp_path_factory.mktemp("undisturbed"), "undisturbed"))


def start(
    at: run.Places, *module: str, log: Path | None = None, **more: str
) -> subprocess.Popen[bytes]:
    """Start the stage as a pod would.

    Args:
        at: where everything of it is.
        module: to run instead of a corpus, and its arguments.
        log: file of what it writes, instead of the test's own.
        more: variables that a lone pod does not have.
    """
    found = corpus_runs.environment(at) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with log.open("wb") if log else nullcontext() as output:
        return subprocess.Popen(
            [sys.executable, "-m", *(module or ("pipeline_steps.corpus",))],
            env=os.environ | found | more,
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that a pod can be ended with all its processes
        )


@pytest.mark.parametrize("parts", [1, 9], ids=lambda parts: f"after-{parts}-parts")
def test_a_killed_corpus_goes_on_to_the_same_bytes(
    minio: MinioServer, inputs: Store, undisturbed: list[File], tmp_path: Path, parts: int
) -> None:
    name = f"killed-{parts}"
    process = start(places(minio, tmp_path / "first", name))
    work = f"n/corpus/{name}/work/"
    while process.poll() is None and len(inputs.list(work)) < parts:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = {item.key for item in inputs.list(work)}
    assert len(kept) >= parts
    assert made(places(minio, tmp_path / "second", name)) == undisturbed


def test_parts_that_are_there_are_not_made_again(
    minio: MinioServer, inputs: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline_steps.corpus import screen

    at = places(minio, tmp_path / "first", "again")
    monkeypatch.setattr(Store, "publish", _fail)
    with pytest.raises(RuntimeError, match="before the manifest"):
        made(at)
    monkeypatch.undo()
    monkeypatch.setattr(screen, "rows", _fail)
    _, manifest = corpus_runs.carried_out(places(minio, tmp_path / "second", "again"))
    assert manifest.files
    spent = manifest.counters["cost"]["language"]  # by the first run
    assert spent["bytes"] == manifest.counters["stages"][0]["bytesIn"] and spent["cpuSeconds"] > 0


def _fail(*given: object) -> None:
    raise RuntimeError("before the manifest")


@pytest.mark.filterwarnings(  # Daft leaves the pipes of its processes to the garbage collector
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning",
    "ignore::ResourceWarning",
)
@pytest.mark.parametrize("workers", [2, 8])
def test_any_number_of_workers_makes_the_same_bytes(
    minio: MinioServer,
    inputs: Store,
    undisturbed: list[File],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
) -> None:
    monkeypatch.setattr(work, "WORTH_A_PROCESS", dict.fromkeys(work.PASSES, 1))
    monkeypatch.setenv(names.ENV_CPUS, str(workers))
    assert made(places(minio, tmp_path, f"workers-{workers}")) == undisturbed
