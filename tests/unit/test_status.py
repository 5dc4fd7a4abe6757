"""Phase, conditions and numbers, from what was observed."""

from typing import Any

import pytest

from oremill import names
from oremill.life import decide
from oremill.seen import GateSeen, InputSeen, PodSeen, PoolSeen, Seen
from oremill.specs.artifact import Checkpointed, Input, Outcome, Progress, digest
from oremill.specs.common import Gate, Ref
from oremill.specs.status import JobStatus
from oremill.stage import Key, Stage, references
from oremill.status import changes, derive, events, rejected
from tests.stages import (
    ARTIFACT,
    DIGEST,
    NOW,
    SETTINGS,
    body,
    job,
    pod,
    resolved,
    run_key,
    seen,
    stage,
    step,
)


def status(one: Stage, around: Seen, refused: str = "") -> JobStatus:
    return derive(one, around, decide(one, around, SETTINGS), refused)


def reasons(found: JobStatus) -> dict[str, tuple[str, str]]:
    return {item.type: (item.status, item.reason) for item in found.conditions}


def running(one: Stage, *pods: PodSeen, **fields: Any) -> JobStatus:
    return status(one, seen(one, *resolved(one), step(one), *pods, **fields))


def waiting(one: Stage, exists: bool, failed: str = "") -> JobStatus:
    inputs = tuple(InputSeen(item, exists, failed, None) for item in references(one.spec))
    return status(one, seen(one, inputs=inputs))


@pytest.mark.parametrize(
    ("exists", "failed", "reason", "words"),
    [
        (False, "", "WaitingForInput", "which does not exist in this namespace"),
        (True, "", "WaitingForInput", "to be Complete"),
        (True, "no archives", "InputFailed", "no archives"),
    ],
    ids=["absent", "unfinished", "failed"],
)
def test_an_input_that_is_not_ready_is_named(
    exists: bool, failed: str, reason: str, words: str
) -> None:
    found = waiting(stage("TokenizerJob"), exists, failed)
    assert (found.phase, found.reason) == ("Waiting", reason)
    assert "(spec.corpusRef)" in found.message
    assert words in found.message


@pytest.mark.parametrize(
    ("exists", "value", "words"),
    [(False, None, "does not exist"), (True, None, "not Complete yet"), (True, 0.1, "it is 0.1")],
    ids=["absent", "unfinished", "low"],
)
def test_a_closed_gate_says_what_it_wants(exists: bool, value: float | None, words: str) -> None:
    one = stage()
    gate = Gate(eval_ref=Ref(name="judge"), metric="humaneval/pass@1", at_least=0.2)
    found = status(one, seen(one, gates=(GateSeen(gate, exists, value),)))
    assert (found.phase, found.reason) == ("Waiting", "GateNotMet")
    assert words in found.message


@pytest.mark.parametrize("gated", [False, True], ids=["input", "gate"])
def test_a_stage_that_waits_for_itself_names_the_circle(gated: bool) -> None:
    one = stage("TokenizerJob")
    gate = Gate(eval_ref=Ref(name="judge"), metric="humaneval/pass@1", at_least=0.2)
    inputs = (
        () if gated else tuple(InputSeen(item, True, "", None) for item in references(one.spec))
    )
    keys = [Key(kind, "team", kind[0].lower()) for kind in ("TokenizerJob", "SFTJob")]
    around = seen(one, inputs=inputs, gates=(GateSeen(gate, True, None),), circle=(*keys, keys[0]))
    found = status(one, around)
    assert found.reason == ("GateNotMet" if gated else "WaitingForInput")
    circle = "TokenizerJob 't' → SFTJob 's' → TokenizerJob 't'"
    assert found.message == f"waits for itself: {circle}; change one of these references"


def test_a_fresh_stage_resolves() -> None:
    one = stage()
    found = status(one, seen(one))
    assert (found.phase, found.reason) == ("Pending", "Starting")
    assert found.run == run_key(one)


def container(reason: str) -> list[dict[str, Any]]:
    return [{"state": {"waiting": {"reason": reason, "message": "words"}}}]


UNSCHEDULABLE = [
    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "words"}
]
BLOCKED: dict[str, tuple[dict[str, Any], str]] = {
    "scheduler": ({"conditions": UNSCHEDULABLE, "containerStatuses": []}, "Unschedulable"),
    "image": ({"containerStatuses": container("ImagePullBackOff")}, "ImagePullFailed"),
    "config": ({"containerStatuses": container("CreateContainerConfigError")}, "Starting"),
}


@pytest.mark.parametrize("case", BLOCKED)
def test_what_blocks_a_pod_is_told_in_its_own_words(case: str) -> None:
    fields, reason = BLOCKED[case]
    one = stage()
    found = running(one, pod(step(one), "Pending", **fields))
    assert (found.phase, found.reason) == ("Pending", reason)
    assert "words" in found.message


MOUNTED = [
    {"name": "storage", "secret": {"secretName": "mine"}},
    {"name": "authority", "configMap": {"name": "roots"}},
    {"name": "ray-token", "secret": {"secretName": "team"}},
]
# What the kubelet says, and what the user is told.
MOUNTS = {
    "no Secret": (
        'volume "storage" : secret "mine" not found',
        "create Secret 'mine' with the keys accessKey and secretKey in this namespace",
    ),
    "no ConfigMap": (
        'volume "authority" : configmap "roots" not found',
        "create ConfigMap 'roots' with the key ca.crt in this namespace (spec.storage.caRef)",
    ),
    "no key": (
        'volume "storage" : references non-existent secret key: accessKey',
        "add the key accessKey to Secret 'mine' (spec.storage.secretRef)",
    ),
    "no token": (
        'volume "ray-token" : secret "team" not found',
        "create Secret 'team' with the key auth_token in this namespace (spec.ray.tokenRef)",
    ),
    "no certificate": (
        'volume "authority" : references non-existent config key: ca.crt',
        "add the key ca.crt to ConfigMap 'roots' (spec.storage.caRef)",
    ),
}


@pytest.mark.parametrize("case", MOUNTS)
def test_what_a_pod_cannot_mount_is_named_with_what_to_do(case: str) -> None:
    words, advice = MOUNTS[case]
    one = stage()
    stuck = pod(step(one), "Pending", containerStatuses=[], volumes=MOUNTED)
    told = f"MountVolume.SetUp failed for {words}"
    found = running(one, stuck, warnings={stuck.name: told})
    assert (found.phase, found.reason) == ("Pending", "ImagePullFailed")
    assert found.message.startswith(advice)
    assert told in found.message


def test_what_the_operator_itself_has_yet_to_make_is_waited_for() -> None:
    one = stage()
    stuck = pod(step(one), "Pending", containerStatuses=[])
    told = 'MountVolume.SetUp failed for volume "order" : configmap "one" not found'
    assert running(one, stuck, warnings={stuck.name: told}).reason == "Starting"


@pytest.mark.parametrize(
    ("refused", "reason"),
    [("pods is forbidden: exceeded quota: a", "QuotaExceeded"), ("denied", "AdmissionDenied")],
)
def test_a_refused_child_is_told_in_the_api_servers_words(refused: str, reason: str) -> None:
    one = stage()
    found = status(one, seen(one, *resolved(one)), refused)
    assert (found.phase, found.reason, found.message) == ("Queued", reason, refused)


@pytest.mark.parametrize("next_pod", [(), ("Pending",)], ids=["pause", "next pod"])
def test_a_silent_bucket_is_the_reason_until_the_next_pod_runs(next_pod: tuple[str, ...]) -> None:
    one = stage()
    asked = job(one, one.child("resolve", run_key(one)), role=names.ROLE_RESOLVE)
    said = Outcome(status="resumable", reason="StorageUnavailable", message="http://x is away")
    gone = pod(asked, "Failed", 75, said.model_dump_json(by_alias=True))
    pods = [pod(asked, phase, containerStatuses=[], index=1) for phase in next_pod]
    found = status(one, seen(one, asked, gone, *pods))
    assert (found.reason, found.message) == ("StorageUnavailable", "http://x is away")


def test_sandboxes_that_are_not_ready_hold_the_stage() -> None:
    one = stage("EvalJob")
    found = running(one, pod(step(one)), pools=(PoolSeen("pool", 1, 0),))
    assert found.reason == "SandboxesNotReady"


PROGRESS = Progress(
    step=40,
    total=80,
    unit="steps",
    headline="loss 1.83",
    last_checkpoint=Checkpointed(step=40, uri="s3://b/c", time="2026-01-02T00:00:00Z"),
)


def test_progress_is_shown_and_kept_while_nobody_answers() -> None:
    one = stage("PretrainJob")
    found = running(one, pod(step(one)), progress=PROGRESS)
    assert (found.phase, found.reason) == ("Running", "Running")
    assert (found.headline, found.progress.text) == ("loss 1.83", "50%")
    assert reasons(found)["CheckpointAvailable"] == ("True", "Saved")
    again = stage("PretrainJob", status=found.model_dump(by_alias=True))
    later = running(again, pod(step(again)))
    assert later.headline == "loss 1.83"
    assert later.last_checkpoint == found.last_checkpoint


def test_a_resumed_step_says_so_until_it_passes_its_checkpoint() -> None:
    one = stage("PretrainJob")
    resumed = PROGRESS.model_copy(update={"resumed_from": 40})
    assert running(one, pod(step(one)), progress=resumed).reason == "Resuming"
    passed = resumed.model_copy(update={"step": 41})
    assert running(one, pod(step(one)), progress=passed).reason == "Running"


def complete(one: Stage) -> JobStatus:
    return status(one, seen(one, *resolved(one, "found")))


def test_a_complete_stage_shows_its_artifact() -> None:
    found = complete(stage())
    assert (found.phase, found.reason, found.progress.text) == ("Complete", "Reused", "100%")
    assert found.artifact is not None
    assert found.artifact.digest == DIGEST
    assert found.artifact.report == ARTIFACT.report
    assert found.finished_at == "2026-01-02T03:04:05Z"


def test_a_complete_stage_shows_all_its_steps() -> None:
    told = running(stage("EvalJob"), progress=PROGRESS).model_dump(by_alias=True)
    found = complete(stage("EvalJob", status=told)).progress
    assert (found.step, found.total, found.text) == (80, 80, "100%")


def test_a_complete_stage_stays_so_without_any_child() -> None:
    one = stage(status=complete(stage()).model_dump(by_alias=True))
    assert status(one, seen(one)) == complete(stage())


@pytest.mark.parametrize(
    ("value", "shown"),
    [("51180", "51180"), ("6000000", "6000000"), ("0.33512", "0.3351"), ("ok", "ok")],
)
def test_a_headline_shows_a_count_as_it_is_and_other_numbers_in_short(
    value: str, shown: str
) -> None:
    told = complete(stage()).model_dump(by_alias=True)
    told["results"] = [{"name": "first", "value": value}]
    one = stage(status=told)
    assert status(one, seen(one)).headline == f"first {shown}"


def test_a_complete_stage_is_asked_again_when_its_spec_changes() -> None:
    one = stage(status=complete(stage()).model_dump(by_alias=True), generation=2, seed=7)
    assert reasons(status(one, seen(one)))["Progressing"] == ("True", "Resolving")


def complete_with_its_input() -> Stage:
    """Return a Complete TokenizerJob whose artifact is what its spec asks for."""
    one = stage("TokenizerJob")
    told = complete(one).model_dump(by_alias=True)
    corpus = Input(name="corpusRef", kind="DataCorpus", uri=ARTIFACT.uri, digest=DIGEST)
    made = digest(one.kind, one.spec, [corpus])
    told["artifact"] |= {"inputs": [corpus.model_dump()], "digest": made}
    return stage("TokenizerJob", status=told)


def test_a_complete_stage_survives_the_deletion_of_its_input() -> None:
    later = waiting(complete_with_its_input(), exists=False)
    assert later.phase == "Complete"
    assert reasons(later)["InputsReady"] == ("False", "WaitingForInput")


def test_a_complete_stage_waits_again_while_its_input_is_remade() -> None:
    later = waiting(complete_with_its_input(), exists=True)
    assert (later.phase, later.reason, later.artifact) == ("Waiting", "WaitingForInput", None)


def test_a_complete_stage_stays_so_until_its_input_has_read_its_own_change() -> None:
    one = complete_with_its_input()
    inputs = tuple(InputSeen(item, True, "", None, current=False) for item in references(one.spec))
    assert status(one, seen(one, inputs=inputs)).phase == "Complete"


def test_a_broken_spec_keeps_the_counters_and_drops_the_end() -> None:
    told = complete(stage()).model_dump(by_alias=True) | {"restarts": 2}
    found = rejected(body(status=told, generation=2), "spec.seed: no", NOW)
    assert (found.phase, found.reason, found.restarts) == ("Failed", "InvalidSpec", 2)
    assert reasons(found) == {"Accepted": ("False", "InvalidSpec")}
    assert found.artifact is None


def test_a_condition_keeps_the_time_of_its_last_change() -> None:
    told = waiting(stage("TokenizerJob"), exists=False).model_dump(by_alias=True)
    for item in told["conditions"]:
        item["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    later = waiting(stage("TokenizerJob", status=told), exists=True)
    assert {item.last_transition_time for item in later.conditions} == {"2020-01-01T00:00:00Z"}


def test_nothing_is_written_when_nothing_changed() -> None:
    found = complete(stage())
    stored = found.model_dump(by_alias=True, mode="json", exclude_none=True)
    assert changes(stored, found) == {}


def test_what_is_gone_is_removed_from_the_stored_status() -> None:
    found = complete(stage())
    stored = found.model_dump(by_alias=True, mode="json", exclude_none=True)
    stored["effective"] = {"old": "1"}
    patch = changes(stored, found.model_copy(update={"artifact": None}))
    assert patch == {"artifact": None, "effective": {"old": None}}


def test_a_transition_is_told_once() -> None:
    found = complete(stage())
    assert [event.reason for event in events(JobStatus(), found)] == ["Reused"]
    assert list(events(found, found)) == []


def test_every_reason_is_of_the_closed_list() -> None:
    one = stage("RLEFJob")
    found = [complete(one), running(one), status(one, seen(one)), waiting(one, False)]
    for item in (condition for each in found for condition in each.conditions):
        assert item.reason in names.REASONS[item.type]


def test_pretraining_shows_what_follows_from_its_spec() -> None:
    one = stage(
        "PretrainJob",
        tokens=8192 * 10,
        batch={"tokens": 8192, "microSequences": 5},
        workers={"replicas": 2},
        model={"preset": "tiny", "contextLength": 256},
    )
    found = status(one, seen(one)).effective
    wanted = {"ranks": "2", "microSequences": "4", "gradientAccumulation": "4", "steps": "10"}
    assert wanted.items() <= found.items()
