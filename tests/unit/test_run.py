"""What surrounds a stage: exit codes, the outcome, the manifest, and running it again."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oremill.specs.artifact import Artifact, Input, Order, Outcome
from pipeline_steps import cleanup, resolve, run
from pipeline_steps.errors import Preempted, StorageUnavailable
from pipeline_steps.inputs import bucket_inputs
from pipeline_steps.storage import Store
from tests.minio_server import MinioServer


@pytest.fixture
def store(minio: MinioServer, request: pytest.FixtureRequest) -> Store:
    return minio.store("run-" + str(abs(hash(request.node.name)))[:12])


@pytest.fixture
def places(store: Store, minio: MinioServer, tmp_path: Path) -> run.Places:
    """A pod's paths, with the order of a small DataCorpus."""
    store.write("in/a.txt", "a")
    order = Order(
        kind="DataCorpus",
        namespace="n",
        name="x",
        uid="u",
        generation=1,
        spec={"sources": [{"name": "s", "archives": {"prefix": "in/"}}]},
        storage=store.target,
    )
    (tmp_path / "spec.json").write_text(order.model_dump_json(by_alias=True))
    return run.Places(
        spec=tmp_path / "spec.json",
        secret=minio.secret,
        ca=tmp_path / "no-ca",
        sandbox_token=tmp_path / "no-token",
        scratch=tmp_path / "scratch",
        termination_log=tmp_path / "outcome.json",
        port=0,
    )


def reorder(places: run.Places, **changes: Any) -> None:
    order = json.loads(places.spec.read_text()) | changes
    places.spec.write_text(json.dumps(order))


def make(step: run.Step) -> run.Made:
    folder = step.scratch / "out"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(step.spec.sources[0].name)  # type: ignore[attr-defined]
    return run.Made(folder, {"files": 1}, {"deep": {"er": 1}}, ("pydantic",))


def test_a_stage_is_published_with_a_manifest_that_says_how_it_was_made(places: run.Places) -> None:
    step = run.load(places)
    outcome = run.carry_out(make, step)
    manifest = step.store.manifest(step.prefix)
    assert manifest is not None
    assert outcome.status == "done" and outcome.results == {"files": 1}
    assert outcome.artifact == manifest.artifact(step.uri)
    assert step.prefix == f"n/corpus/x/{step.order.digest}"
    assert [file.path for file in manifest.files] == ["a.txt"]
    assert [item.name for item in manifest.inputs] == ["sources[0].archives.prefix"]
    assert set(manifest.versions) == {"python", "pydantic"}
    assert manifest.spec == {"sources": [{"name": "s", "archives": {"prefix": "in/"}}]}
    assert manifest.counters == {"deep": {"er": 1}}


@pytest.mark.parametrize("page", [[], ["report.html"]], ids=["none", "one"])
def test_an_artifact_links_the_page_for_people_where_it_has_one(
    places: run.Places, page: list[str]
) -> None:
    def make_with(step: run.Step) -> run.Made:
        made = make(step)
        for name in page:
            (made.folder / name).write_text("<p>")
        return made

    step = run.load(places)
    artifact = run.carry_out(make_with, step).artifact
    assert artifact is not None
    assert artifact.report == "".join(f"{step.uri}/{name}" for name in page)


def test_a_stage_that_was_published_is_not_made_again(places: run.Places) -> None:
    first = run.carry_out(make, run.load(places))

    def refuse(step: run.Step) -> run.Made:
        raise AssertionError("made twice")

    assert run.carry_out(refuse, run.load(places)) == first


def test_ranks_other_than_the_first_make_and_do_not_publish(
    places: run.Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    step = run.load(places)
    assert run.carry_out(make, step).artifact is None
    assert step.store.manifest(step.prefix) is None


def test_resolve_finds_what_was_made_and_misses_what_was_not(places: run.Places) -> None:
    missing = resolve.resolve(run.load(places))
    assert missing.status == "missing" and missing.artifact is not None
    assert [item.uri[-4:] for item in missing.artifact.inputs] == ["/in/"]
    run.carry_out(make, run.load(places))
    found = resolve.resolve(run.load(places))
    assert (found.status, found.digest) == ("found", missing.digest)
    assert found.results == {"files": 1}


def test_a_changed_object_changes_the_digest_and_stops_a_resolved_stage(
    places: run.Places, store: Store
) -> None:
    before = run.load(places).order.digest
    reorder(places, digest=before)
    store.write("in/a.txt", "b")
    with pytest.raises(run.UserError, match="changed after they were resolved"):
        run.load(places)
    reorder(places, digest="")
    assert run.load(places).order.digest != before


def test_cleanup_removes_every_digest_of_the_object_alone(places: run.Places, store: Store) -> None:
    run.carry_out(make, run.load(places))
    store.write("n/corpus/xy/d/manifest.json", "{}")
    assert cleanup.main(places).results == {"objects": 2}
    assert [item.key for item in store.list("n/")] == ["n/corpus/xy/d/manifest.json"]


def test_an_input_artifact_is_downloaded_once_and_checked(places: run.Places) -> None:
    made = run.carry_out(make, run.load(places)).artifact
    assert made is not None
    item = Input(name="corpusRef", kind="DataCorpus", uri=made.uri, digest=made.digest)
    reorder(places, inputs=[item.model_dump(by_alias=True)])
    step = run.load(places)
    folder = step.input("corpusRef")
    assert (folder / "a.txt").read_text() == "s" and step.input("corpusRef") == folder
    with pytest.raises(run.StepFailed, match="it has: corpusRef, sources"):
        step.input("modelRef")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spec": {"sources": []}}, r"spec\.sources: .*at least 1"),
        (
            {"spec": {"sources": [{"name": "s", "archives": {"prefix": "none/"}}]}},
            r"spec\.sources\[0\]\.archives\.prefix: there is no object below s3://.*/none/",
        ),
        (
            {
                "kind": "RLEFJob",
                "spec": {
                    "modelRef": {"name": "m", "kind": "SFTJob"},
                    "problems": {"key": "in/a"},
                },
            },
            r"spec\.problems\.key: there is no object s3://.*/in/a",
        ),
    ],
    ids=["bad spec", "no archive", "no problems file, though a key begins like it"],
)
def test_a_users_mistake_names_the_field(
    places: run.Places, change: dict[str, Any], message: str
) -> None:
    reorder(places, **change)
    with pytest.raises(run.UserError, match=message):
        run.load(places)


def test_inputs_do_not_depend_on_the_order_of_listing(store: Store, places: run.Places) -> None:
    step = run.load(places)
    store.write("in/0.txt", "later")
    assert bucket_inputs(store, step.spec)[0].digest != step.inputs[0].digest


def raising(error: BaseException) -> Callable[[], Outcome]:
    def work() -> Outcome:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "status", "reason"),
    [
        (run.UserError("spec.x: 1 is not allowed"), 2, "user", "UserError"),
        (Preempted("stopped by SIGTERM"), 75, "resumable", "Restarting"),
        (StorageUnavailable("no answer"), 75, "resumable", "StorageUnavailable"),
        (run.StepFailed("loss is nan", "LossDiverged"), 1, "failed", "LossDiverged"),
        (MemoryError(), 1, "failed", "OutOfMemory"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "failed", "DiskFull"),
        (KeyError("bug"), 1, "failed", "StepFailed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_the_exit_code_says_who_must_act(
    tmp_path: Path, error: BaseException, code: int, status: str, reason: str
) -> None:
    assert run.finish(raising(error), tmp_path / "log") == code
    outcome = Outcome.model_validate_json((tmp_path / "log").read_text())
    assert (outcome.status, outcome.reason) == (status, reason)
    assert outcome.message


def environment(places: run.Places) -> dict[str, str]:
    root = Path(__file__).parents[2]
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{root / 'operator'}:{root}",
        "OREMILL_SPEC": str(places.spec),
        "OREMILL_STORAGE_SECRET": str(places.secret),
        "OREMILL_SCRATCH": str(places.scratch),
        "OREMILL_TERMINATION_LOG": str(places.termination_log),
        "OREMILL_PROGRESS_PORT": "0",
    }


def test_a_module_runs_outside_a_cluster_by_its_environment(places: run.Places) -> None:
    command = [sys.executable, "-m", "pipeline_steps.resolve"]
    assert subprocess.run(command, env=environment(places), check=False).returncode == 0
    outcome = Outcome.model_validate_json(places.termination_log.read_text())
    assert (outcome.status, len(outcome.digest)) == ("missing", 64)


def test_sigterm_ends_a_stage_as_resumable_whatever_its_threads_do(places: run.Places) -> None:
    stage = "import time, threading; from pipeline_steps import run; print(flush=True); "
    stage += "threading.Thread(target=time.sleep, args=(60,)).start(); "
    stage += "run.main(lambda step: (print(flush=True), time.sleep(60)))"
    command = [sys.executable, "-c", stage]
    process = subprocess.Popen(command, env=environment(places), stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as lines:
        lines.readline(), lines.readline()  # imported; inside the stage
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 75
    outcome = Outcome.model_validate_json(places.termination_log.read_text())
    assert (outcome.status, outcome.message) == ("resumable", "stopped by SIGTERM")


def test_done_exits_with_zero(tmp_path: Path) -> None:
    assert run.finish(lambda: Outcome(status="done"), tmp_path / "log") == 0


def test_an_outcome_always_fits_into_a_termination_message() -> None:
    many = [Input(name=f"models[{i}]", uri="s3://b/" + "x" * 200, digest="d") for i in range(64)]
    outcome = Outcome(
        status="failed",
        message="é" * 9000,
        artifact=Artifact(uri="s3://b/k", digest="d", inputs=many),
        results={f"result-{i}": i for i in range(999)},
    )
    shown = run.fitted(outcome)
    assert len(shown.encode()) <= 4096
    kept = Outcome.model_validate_json(shown)
    assert kept.artifact is not None and kept.artifact.digest == "d"
    assert kept.results["result-0"] == 0
