"""Why an attempt ended, whether it counts, and what comes next."""

from datetime import UTC, datetime
from typing import Any

import pytest

from oremill.attempts import Blame, cause
from oremill.life import Life, Phase, decide
from oremill.specs.artifact import Outcome
from oremill.stage import Stage
from tests.stages import DIGEST, SETTINGS, pod, resolved, run_key, seen, stage, step

ONE = stage()
FAILED = step(ONE, condition="Failed", reason="BackoffLimitExceeded")


def said(status: str, reason: str = "", message: str = "") -> str:
    return Outcome(status=status, reason=reason, message=message).model_dump_json(by_alias=True)


EVICTED = [{"type": "DisruptionTarget", "status": "True"}]
FULL = 'Usage of EmptyDir volume "scratch" exceeds the limit "4Gi".'
PODS: dict[str, tuple[list[Any], Blame, str]] = {
    "user": ([pod(FAILED, "Failed", 2, said("user", "UserError", "x"))], Blame.USER, "UserError"),
    "user without a word": ([pod(FAILED, "Failed", 2)], Blame.USER, "UserError"),
    "crash": ([pod(FAILED, "Failed", 1, "ValueError")], Blame.STEP, "StepFailed"),
    "loss": (
        [pod(FAILED, "Failed", 1, said("failed", "LossDiverged"))],
        Blame.STEP,
        "LossDiverged",
    ),
    "memory": ([pod(FAILED, "Failed", 137, ended="OOMKilled")], Blame.STEP, "OutOfMemory"),
    "disk": (
        [pod(FAILED, "Failed", reason="Evicted", message=FULL, conditions=EVICTED)],
        Blame.STEP,
        "DiskFull",
    ),
    "preempted": ([pod(FAILED, "Failed", 75)], Blame.WORLD, "StepFailed"),
    "no bucket": (
        [pod(FAILED, "Failed", 75, said("resumable", "StorageUnavailable"))],
        Blame.WORLD,
        "StorageUnavailable",
    ),
    "evicted": ([pod(FAILED, "Failed", 137, conditions=EVICTED)], Blame.WORLD, "StepFailed"),
    "deleted": ([pod(FAILED, "Failed", 75, deleting=True)], Blame.WORLD, "StepFailed"),
    "gone": ([], Blame.WORLD, "StepFailed"),
    "one rank crashed, the controller stopped the other": (
        [pod(FAILED, "Failed", 75, index=0, deleting=True), pod(FAILED, "Failed", 1, index=1)],
        Blame.STEP,
        "StepFailed",
    ),
    "one rank was preempted, the other lost its peer": (
        [pod(FAILED, "Failed", 1, index=0), pod(FAILED, "Failed", 75, index=1)],
        Blame.WORLD,
        "StepFailed",
    ),
    "one rank says it is the user, while it is being deleted": (
        [pod(FAILED, "Failed", 1, index=0), pod(FAILED, "Failed", 2, index=1, deleting=True)],
        Blame.USER,
        "UserError",
    ),
}


@pytest.mark.parametrize("case", PODS)
def test_a_cause_is_read_from_all_ranks(case: str) -> None:
    pods, blame, reason = PODS[case]
    found = cause(FAILED, pods)
    assert (found.blame, found.reason) == (blame, reason)


def test_a_deadline_is_the_jobs_word() -> None:
    late = step(ONE, condition="Failed", reason="DeadlineExceeded")
    assert cause(late, []).reason == "DeadlineExceeded"


def life(one: Stage, *children: Any, **around: Any) -> Life:
    return decide(one, seen(one, *resolved(one), *children, **around), SETTINGS)


def crashed(one: Stage, attempt: int) -> tuple[Any, Any]:
    ended = step(one, attempt, condition="Failed")
    return ended, pod(ended, "Failed", 1, "boom")


def deleted(one: Stage, attempt: int) -> tuple[Any]:
    return (step(one, attempt, condition="Failed"),)


def test_failures_count_and_interruptions_do_not() -> None:
    found = life(ONE, *crashed(ONE, 0), *deleted(ONE, 1), *crashed(ONE, 2))
    assert (found.phase, found.attempt, found.restarts) == (Phase.RUNNING, 3, 2)


def test_the_budget_ends_the_stage() -> None:
    one = stage(failurePolicy={"maxRestarts": 1})
    found = life(one, *crashed(one, 0), *crashed(one, 1))
    assert (found.phase, found.reason) == (Phase.FAILED, "RestartBudgetSpent")
    assert "boom" in found.message


def test_status_remembers_what_deleted_jobs_counted() -> None:
    known = {"attempt": 2, "restarts": 3, "run": run_key(ONE), "observedGeneration": 1}
    one = stage(status=known)
    found = life(one, *crashed(one, 2))
    assert (found.phase, found.reason) == (Phase.FAILED, "RestartBudgetSpent")


def test_a_job_deleted_in_the_middle_is_made_again_uncounted() -> None:
    one = stage(status={"attempt": 1, "restarts": 1, "run": run_key(ONE), "observedGeneration": 1})
    found = life(one)
    assert (found.attempt, found.restarts) == (1, 1)


def test_status_of_another_run_counts_nothing() -> None:
    one = stage(status={"attempt": 9, "restarts": 3, "run": "another", "observedGeneration": 1})
    found = life(one)
    assert (found.attempt, found.restarts) == (0, 0)


@pytest.mark.parametrize(
    "fields", [{"retry": "now"}, {"generation": 2, "pod": {"memory": "8Gi"}}], ids=["retry", "spec"]
)
def test_a_new_episode_starts_behind_the_attempts_of_the_old(fields: dict[str, Any]) -> None:
    one = stage(**fields)
    old = step(one, 0, condition="Failed", episode="1/")
    found = life(one, old, pod(old, "Failed", 2))
    assert (found.phase, found.attempt, found.restarts) == (Phase.RUNNING, 1, 0)


def test_a_pause_grows_with_the_failures() -> None:
    first = life(ONE, *crashed(ONE, 0))
    assert first.not_before == datetime(2026, 1, 2, 3, 4, 10, tzinfo=UTC)
    late = life(ONE, *crashed(ONE, 0), now=datetime(2026, 1, 2, 3, 5, tzinfo=UTC))
    assert late.not_before is None


def test_the_pause_holds_when_status_shows_the_next_attempt_already() -> None:
    known = {"attempt": 1, "restarts": 1, "run": run_key(ONE), "observedGeneration": 1}
    one = stage(status=known)
    found = life(one, *crashed(one, 0))
    assert (found.attempt, found.restarts) == (1, 1)
    assert found.not_before == datetime(2026, 1, 2, 3, 4, 10, tzinfo=UTC)
    assert found.last is not None


def test_success_is_read_from_any_rank_that_names_the_artifact() -> None:
    won = step(ONE, condition="Complete")
    _, answer = resolved(ONE)
    assert answer.outcome is not None
    text = answer.outcome.model_dump_json(by_alias=True)
    ranks = (pod(won, "Succeeded", 0, said("done")), pod(won, "Succeeded", 0, text, index=1))
    found = life(ONE, won, *ranks)
    assert (found.phase, found.reason, found.digest) == (Phase.COMPLETE, "Succeeded", DIGEST)


def test_a_success_that_nobody_told_is_looked_up_in_the_bucket() -> None:
    found = life(ONE, step(ONE, condition="Complete"))
    # The resolve Job ended no later than the step: its answer is old.
    assert (found.phase, found.redo_resolve) == (Phase.RESOLVING, True)
