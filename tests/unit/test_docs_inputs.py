"""docs/inputs.md shows what the steps themselves read, and solutions that the judge passes."""

import re
from pathlib import Path

import pytest

from oremill.specs.common import Problems
from oremill.specs.sft import SFTJobSpec
from pipeline_steps.corpus import contamination
from pipeline_steps.corpus.sources import archives
from pipeline_steps.evaluate.adapters import StepLang, read_problems, self_test
from pipeline_steps.evaluate.judge import Judge, Limits
from pipeline_steps.rlef import problems
from pipeline_steps.sft import conversations
from pipeline_steps.storage import Store
from tests.minio_server import MinioServer
from tests.sandbox_server import SandboxServer

PAGE = (Path(__file__).parents[2] / "docs/inputs.md").read_text()
MODEL = {"kind": "PretrainJob", "name": "tiny"}


def example(kind: str) -> str:
    found = re.search(rf"^```jsonl {kind}\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/inputs.md has no example of {kind}"
    return found[1]


@pytest.fixture(scope="module")
def store(minio: MinioServer) -> Store:
    bucket = minio.store("docs")
    for kind in ("conversations", "problems"):
        bucket.write(f"inputs/{kind}.jsonl", example(kind))
    return bucket


def test_the_conversations_are_read_by_the_sft_step(store: Store) -> None:
    sources = [{"key": "inputs/conversations.jsonl"}]
    spec = SFTJobSpec.model_validate({"modelRef": MODEL, "sources": sources})
    assert len(conversations.read(store, spec)) == 2


def test_the_problems_are_read_by_rlef_and_by_decontamination(store: Store) -> None:
    key = "inputs/problems.jsonl"
    read = [one.task_id for one in problems.read(store, Problems(key=key))]
    kept_out = contamination.problems_file(key, store.read(key), 10).problems
    assert read == [one.task_id for one in kept_out] == ["mine/0", "mine/1"]


def test_the_problems_pass_the_self_test_of_an_evaluation(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    (tmp_path / "problems.jsonl").write_text(example("problems"))
    limits = Limits(wall_seconds=5.0, memory_bytes=256 * 2**20, output_bytes=65536)
    judge = Judge(sandbox.url, sandbox.token, limits)
    self_test(StepLang(read_problems(tmp_path / "problems.jsonl", "benchmarks[0].key")), judge)
    judge.close()


def test_the_endings_of_archives_are_those_that_are_read() -> None:
    listed = re.search(r"^ {4}(\.tar.*)$", PAGE, re.MULTILINE)
    assert listed and sorted(listed[1].split()) == sorted(archives.SUFFIXES)
