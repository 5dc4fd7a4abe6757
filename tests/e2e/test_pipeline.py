"""The example pipeline on a real cluster, with the accidents that a cluster brings.

One run is told as a story: it applies examples/pipeline.yaml, deletes the PretrainJob's
pod half-way and the operator's pod later, waits for the end, deletes the six objects and applies
them again. The tests then ask what happened.
"""

import json
import re
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from devcluster.layout import PROMETHEUS_PORT
from oremill.names import KINDS, ROLE_SANDBOX, ROLE_STEP
from tests.e2e.kube import JsonObject, Kube, condition, results

pytestmark = pytest.mark.cluster

PIPELINE = Path(__file__).resolve().parents[2] / "examples" / "pipeline.yaml"
NAME = "demo"
CHECKPOINT_STEPS = 200  # between two checkpoints, as in the pipeline's file
PIPELINE_SECONDS = 40 * 60  # three times what an idle machine needs: a guard, not a measurement


@dataclass
class Story:
    """What was seen, in the order in which it happened."""

    pretrain_pod: JsonObject = field(default_factory=dict)
    step_at_deletion: int = 0
    statuses: dict[str, JsonObject] = field(default_factory=dict)
    jobs: list[JsonObject] = field(default_factory=list)
    second_log: str = ""
    seconds: float = 0.0
    reused: dict[str, JsonObject] = field(default_factory=dict)
    pods_after_reuse: list[JsonObject] = field(default_factory=list)


@pytest.fixture(scope="module")
def story(kube: Kube) -> Story:
    """Run the pipeline once, with its accidents, and apply it again."""
    told, began = Story(), time.monotonic()
    kube.apply(PIPELINE)
    _lose_the_pretraining_pod(kube, told)
    _lose_the_operator(kube)
    told.statuses = _all_finished(kube, PIPELINE_SECONDS)
    told.seconds = time.monotonic() - began
    told.jobs = kube.items("jobs")
    told.second_log = _log_of_the_second_attempt(kube)
    _apply_again(kube, told)
    return told


def _lose_the_pretraining_pod(kube: Kube, told: Story) -> None:
    """Delete the pod once a checkpoint lies well behind it, with work left to lose."""
    seen = kube.wait(
        "the PretrainJob to be half-way with a checkpoint",
        lambda: kube.stage("PretrainJob", NAME),
        lambda status: (
            status.get("phase") == "Failed"
            or (
                "lastCheckpoint" in status
                and 2 * status["progress"]["step"] >= status["progress"]["total"]
            )
        ),
        PIPELINE_SECONDS,
    )
    assert seen["phase"] == "Running", seen
    told.step_at_deletion = seen["progress"]["step"]
    (told.pretrain_pod,) = kube.children("pods", "PretrainJob", NAME, ROLE_STEP)
    kube.must("delete", "pod", told.pretrain_pod["metadata"]["name"])


def _lose_the_operator(kube: Kube) -> None:
    """Delete the operator's pod while another stage runs."""
    kube.wait(
        "the SFTJob to run",
        lambda: kube.stage("SFTJob", NAME),
        lambda status: status.get("phase") in ("Running", "Complete", "Failed"),
        PIPELINE_SECONDS,
    )
    kube.must("delete", "pod", "-l", "app.kubernetes.io/component=operator")


def _log_of_the_second_attempt(kube: Kube) -> str:
    labels = "oremill.dev/kind=PretrainJob,oremill.dev/role=step,oremill.dev/attempt=1"
    return kube.must("logs", "-l", labels, "--tail=-1")


def _all_finished(kube: Kube, seconds: float) -> dict[str, JsonObject]:
    end = time.monotonic() + seconds
    return {kind: kube.finished(kind, NAME, max(1, end - time.monotonic())) for kind in KINDS}


def _apply_again(kube: Kube, told: Story) -> None:
    kube.must("delete", "-f", str(PIPELINE), "--wait=true")
    kube.wait(
        "the children to be gone",
        lambda: {"items": kube.items("jobs", "oremill.dev/kind")},
        lambda seen: not seen["items"],
        120,
    )
    kube.apply(PIPELINE)
    told.reused = _all_finished(kube, 10 * 60)
    told.pods_after_reuse = kube.items("pods", "oremill.dev/kind")


@pytest.mark.parametrize("kind", KINDS)
def test_every_stage_completes(story: Story, kind: str) -> None:
    status = story.statuses[kind]
    assert status["phase"] == "Complete", (status["reason"], status["message"])
    assert condition(status, "Complete")["reason"] == "Succeeded"
    assert status["artifact"]["uri"].endswith(status["artifact"]["digest"])


def test_a_deleted_pod_resumes_from_its_checkpoint(story: Story) -> None:
    status = story.statuses["PretrainJob"]
    found = re.search(r"resumed after step (\d+)", story.second_log)
    assert found, story.second_log
    assert int(found[1]) > 0
    assert abs(int(found[1]) - story.step_at_deletion) <= CHECKPOINT_STEPS
    assert status["attempt"] >= 1
    assert status["restarts"] == 0, "a deleted pod is not the job's failure"


def test_a_deleted_operator_loses_and_doubles_nothing(story: Story) -> None:
    attempts: dict[str, list[str]] = {}
    for job in story.jobs:
        labels = job["metadata"]["labels"]
        if labels.get("oremill.dev/role") == ROLE_STEP:
            attempts.setdefault(labels["oremill.dev/kind"], []).append(
                labels["oremill.dev/attempt"]
            )
    extra = {kind: sorted(seen) for kind, seen in attempts.items() if kind != "PretrainJob"}
    assert extra == {kind: ["0"] for kind in KINDS if kind != "PretrainJob"}
    assert sorted(attempts["PretrainJob"]) == ["0", "1"]


def test_reinforcement_learning_beats_fine_tuning_on_held_out_problems(story: Story) -> None:
    scores = results(story.statuses["EvalJob"])
    before, after = scores[f"sft-{NAME}/steplang/pass@1"], scores[f"rlef-{NAME}/steplang/pass@1"]
    assert before >= 0.25
    assert after - before >= 0.10
    assert scores["gain/steplang/low"] > 0, "the paired 95 % interval must lie above 0"


def test_humaneval_is_scored_on_all_its_problems(story: Story) -> None:
    scores = results(story.statuses["EvalJob"])
    assert 0.0 <= scores[f"rlef-{NAME}/humaneval/pass@1"] <= 1.0


def test_prometheus_has_every_stage_and_what_a_step_measured(kube: Kube, story: Story) -> None:
    complete = f'sum(oremill_objects{{namespace="{kube.namespace}",phase="Complete"}})'
    kube.wait(
        "six complete stages in Prometheus",
        lambda: {"value": _queried(complete)},
        lambda seen: seen["value"] == len(KINDS),
        60,
    )
    labels = f'namespace="{kube.namespace}",kind="PretrainJob"'
    trained = _queried(f"max(max_over_time(oremill_progress_done{{{labels}}}[1h]))")
    assert trained is not None
    assert trained >= story.step_at_deletion


def _queried(promql: str) -> float | None:
    """Return the value of an instant query with one result, None when it has none."""
    url = f"http://127.0.0.1:{PROMETHEUS_PORT}/api/v1/query?{urlencode({'query': promql})}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def test_sandboxes_are_gone_when_the_run_is_over(kube: Kube, story: Story) -> None:
    assert story.statuses["EvalJob"]["phase"] == "Complete"
    for kind in ("RLEFJob", "EvalJob"):
        assert not kube.children("deployments", kind, NAME, ROLE_SANDBOX)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_pipeline_is_reused(story: Story, kind: str) -> None:
    status = story.reused[kind]
    assert condition(status, "Complete").get("reason") == "Reused", status
    assert status["artifact"]["digest"] == story.statuses[kind]["artifact"]["digest"]


def test_no_step_and_no_sandbox_starts_for_a_reused_pipeline(story: Story) -> None:
    roles = {pod["metadata"]["labels"]["oremill.dev/role"] for pod in story.pods_after_reuse}
    assert roles == {"resolve"}
