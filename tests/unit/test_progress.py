"""What a running step answers over HTTP."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from oremill.specs.artifact import Checkpointed
from pipeline_steps.progress import ProgressBoard


@pytest.fixture
def board() -> Iterator[ProgressBoard]:
    made = ProgressBoard("PretrainJob")
    yield made
    made.close()


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def test_progress_is_the_newest_and_keeps_the_last_checkpoint(board: ProgressBoard) -> None:
    port = board.serve(0)
    saved = Checkpointed(step=5, uri="s3://b/c", time="t")
    board.update(5, 10, "steps", "loss 2", last_checkpoint=saved, resumed_from=3)
    board.update(6, 10, "steps", "loss 1", metrics={"loss": 1.0})
    shown = json.loads(get(port, "/progress"))
    assert (shown["step"], shown["headline"], shown["resumedFrom"]) == (6, "loss 1", 3)
    assert shown["lastCheckpoint"]["step"] == 5
    assert shown["metrics"] == {"loss": 1.0}


def test_metrics_are_prometheus_gauges_with_the_kind(board: ProgressBoard) -> None:
    port = board.serve(0)
    board.update(6, 10, "steps", metrics={"loss": 1.5, "tokens/second": 7})
    board.gauge("dropped_files", 3, stage="licence", reason="not-allowed")
    text = get(port, "/metrics")
    assert 'oremill_progress_done{kind="PretrainJob"} 6.0' in text
    assert 'oremill_loss{kind="PretrainJob"} 1.5' in text
    assert 'oremill_tokens_second{kind="PretrainJob"} 7.0' in text
    wanted = 'oremill_dropped_files{kind="PretrainJob",reason="not-allowed",stage="licence"} 3.0'
    assert wanted in text


def test_other_paths_are_not_found(board: ProgressBoard) -> None:
    port = board.serve(0)
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(port, "/spec.json")
    refused.value.close()
    assert refused.value.code == 404
