"""What the tests and benchmarks of a whole corpus share: its input, its order, and a run of it."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oremill.specs.artifact import Manifest, Order
from pipeline_steps import run
from pipeline_steps.corpus.__main__ import make
from tests.minio_server import MinioServer

Done = tuple[run.Step, Manifest]


def archive(name: str, files: Mapping[str, str]) -> bytes:
    """Return a tar.gz with the files of a repository below a folder of its name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as out:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size = len(text.encode())
            out.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def places(
    minio: MinioServer, bucket: str, folder: Path, name: str, spec: dict[str, Any], **changes: Any
) -> run.Places:
    """Write an order, by default of a DataCorpus; return where everything of its step is."""
    folder.mkdir(parents=True, exist_ok=True)
    order = {
        "kind": "DataCorpus",
        "namespace": "n",
        "name": name,
        "uid": "u",
        "generation": 1,
        "spec": spec,
        "storage": minio.store(bucket).target.model_dump(by_alias=True),
    }
    (folder / "spec.json").write_text(Order.model_validate(order | changes).model_dump_json())
    return run.Places(
        spec=folder / "spec.json",
        secret=minio.secret,
        ca=folder / "no-ca",
        sandbox_token=folder / "no-token",
        scratch=folder / "scratch",
        termination_log=folder / "outcome.json",
        port=0,
    )


def environment(at: run.Places) -> dict[str, str]:
    """Return the variables by which a process of its own finds everything of a step."""
    variables = {
        "SPEC": at.spec,
        "STORAGE_SECRET": at.secret,
        "STORAGE_CA": at.ca,
        "SCRATCH": at.scratch,
        "TERMINATION_LOG": at.termination_log,
        "PROGRESS_PORT": at.port,
    }
    return {f"OREMILL_{name}": str(value) for name, value in variables.items()}


def carried_out(at: run.Places, stage: run.Make = make) -> Done:
    """Run a stage in this process; return its step and its manifest."""
    step = run.load(at)
    run.carry_out(stage, step)
    manifest = step.store.manifest(step.prefix)
    assert manifest is not None
    return step, manifest
