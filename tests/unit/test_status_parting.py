"""What a deleted object tells while its artifacts are removed, and after it could not be done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from oremill import names
from oremill.life import decide
from oremill.parting import failed, parting
from oremill.seen import JobSeen, PodSeen
from oremill.specs.artifact import Outcome
from oremill.specs.status import JobStatus
from oremill.stage import Stage
from oremill.status import derive, events
from tests.stages import NOW, SETTINGS, job, pod, resolved, seen, stage

WORDS = 'MountVolume.SetUp failed for volume "storage" : secret "mine" not found'
ADVICE = "create Secret 'mine' with the keys accessKey and secretKey"


def leaving(status: JobStatus | None = None) -> Stage:
    """Return a stage that was deleted a second ago; it was complete, or `status` is shown."""
    one = stage(deletionPolicy="Delete")
    around = seen(one, *resolved(one, "found"))
    told = status or derive(one, around, decide(one, around, SETTINGS))
    return replace(one, status=told, deleting=NOW - timedelta(seconds=1), generation=2)


def cleanup(one: Stage, condition: str = "", reason: str = "") -> JobSeen:
    name = one.child(names.ROLE_CLEANUP)
    return job(one, name, role=names.ROLE_CLEANUP, condition=condition, reason=reason)


def stuck(one: Stage) -> JobStatus:
    waiting = pod(cleanup(one), "Pending", containerStatuses=[])
    around = seen(one, cleanup(one), waiting, warnings={waiting.name: WORDS})
    assert failed(one, around, "") == ""
    return parting(one, around, "")


def test_a_deleted_object_says_that_its_artifacts_go() -> None:
    one = leaving()
    found = parting(one, seen(one, cleanup(one), pod(cleanup(one))), "")
    assert (found.phase, found.reason) == ("Deleting", "Running")
    assert found.message == "removes the artifacts"


def test_who_waits_for_a_deleted_object_sees_what_was_made_and_not_that_it_is_current() -> None:
    one = leaving()
    found = parting(one, seen(one, cleanup(one)), "")
    assert found.artifact == one.status.artifact
    assert "Complete" in {item.type for item in found.conditions}
    assert found.observed_generation == 1


def test_what_keeps_the_removal_from_starting_is_told_at_once() -> None:
    found = stuck(leaving())
    assert (found.phase, found.reason) == ("Deleting", "ImagePullFailed")
    assert found.message.startswith(f"removes the artifacts: {ADVICE}")
    told = [event.reason for event in events(leaving().status, found)]
    assert told == ["ImagePullFailed"]


def test_a_quota_that_refuses_the_removal_is_told() -> None:
    one = leaving()
    found = parting(one, seen(one), "pods is forbidden: exceeded quota: none")
    assert (found.reason, found.phase) == ("QuotaExceeded", "Deleting")


def test_a_bucket_that_is_away_is_told() -> None:
    one = leaving()
    said = Outcome(status="resumable", reason="StorageUnavailable", message="http://x is away")
    ended = pod(cleanup(one), "Failed", 75, said.model_dump_json(by_alias=True))
    found = parting(one, seen(one, cleanup(one), ended), "")
    assert (found.reason, found.message) == ("StorageUnavailable", "http://x is away")


@pytest.mark.parametrize("pods", [(), ("deleting",)], ids=["gone", "going"])
def test_the_trouble_outlives_the_pod_that_met_it(pods: tuple[str, ...]) -> None:
    one = leaving(stuck(leaving()))
    over = cleanup(one, "Failed", "DeadlineExceeded")
    left: list[PodSeen] = [pod(over, "Pending", deleting=True, containerStatuses=[]) for _ in pods]
    assert ADVICE in parting(one, seen(one, cleanup(one), *left), "").message
    told = failed(one, seen(one, over, *left), "")
    assert told.startswith(f"Job {over.name} failed: DeadlineExceeded; {ADVICE}")


def test_the_trouble_of_an_earlier_step_is_not_the_removals() -> None:
    one = leaving()
    old = stuck(one).model_copy(update={"phase": "Pending"})  # a step's pod met it
    later = leaving(old)
    assert parting(later, seen(later, cleanup(later)), "").message == "removes the artifacts"


def test_a_removal_that_is_never_over_is_given_up() -> None:
    one = replace(leaving(), deleting=NOW - timedelta(hours=1))
    assert failed(one, seen(one), "denied") == "not removed within 0:15:00; denied"
