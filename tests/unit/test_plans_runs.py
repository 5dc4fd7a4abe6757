"""Which children go, stay or wait, while a stage lives."""

from typing import Any

from oremill import names
from oremill.life import decide
from oremill.plans import Plan, plan, plan_deletion
from oremill.seen import PoolSeen, Seen
from oremill.stage import Stage
from tests.stages import KEY, SETTINGS, job, pod, resolved, seen, stage, step


def planned(one: Stage, around: Seen) -> Plan:
    return plan(one, around, decide(one, around, SETTINGS), SETTINGS, KEY)


def applied(found: Plan) -> list[str]:
    return [child["kind"] for child in found.apply]


def deleted(found: Plan) -> list[tuple[str, str]]:
    return [(child.kind, child.name) for child in found.delete]


def live_of(one: Stage, **fields: Any) -> Any:
    """Return the step Job as the plan made it."""
    wanted = planned(one, seen(one, *resolved(one))).apply[-1]
    mark = wanted["metadata"]["annotations"][names.ANNOTATION_APPLIED]
    return step(one, **{"applied": mark} | fields)


def test_the_job_is_the_last_child_to_be_made() -> None:
    one = stage("EvalJob")
    assert applied(planned(one, seen(one, *resolved(one))))[-1] == "Job"


def test_an_active_job_as_planned_is_kept_for_repair() -> None:
    one = stage()
    found = planned(one, seen(one, *resolved(one), live_of(one)))
    assert "Job" in applied(found)
    assert deleted(found) == []


def test_a_job_of_older_settings_runs_on() -> None:
    one = stage()
    found = planned(one, seen(one, *resolved(one), live_of(one, applied="older")))
    assert "Job" not in applied(found)
    assert deleted(found) == []


def test_a_job_of_an_older_placement_is_replaced() -> None:
    one = stage(generation=2)
    old = live_of(one, applied="older", episode="1/")
    found = planned(one, seen(one, *resolved(one), old))
    assert "Job" not in applied(found)
    assert deleted(found) == [("Job", old.name)]


def test_a_changed_budget_keeps_the_job() -> None:
    before = stage()
    mark = live_of(before).applied
    one = stage(generation=2, failurePolicy={"maxRestarts": 9})
    assert live_of(one).applied == mark


def test_a_new_job_waits_for_pods_that_still_write() -> None:
    one = stage()
    gone = step(one, attempt=7)
    found = planned(one, seen(one, *resolved(one), pod(gone)))
    assert "Job" not in applied(found)


def test_jobs_of_another_run_are_deleted() -> None:
    one = stage()
    old = job(one, "old", run="other-run")
    found = planned(one, seen(one, *resolved(one), old))
    assert deleted(found) == [("Job", "old")]


def test_suspending_deletes_active_jobs_only() -> None:
    one = stage(suspend=True)
    over, running = step(one, condition="Failed"), step(one, attempt=1)
    found = planned(one, seen(one, over, running))
    assert (applied(found), deleted(found)) == ([], [("Job", running.name)])


def test_sandboxes_go_when_the_run_is_over() -> None:
    one = stage("EvalJob")
    around = seen(one, *resolved(one, "found"), pools=(PoolSeen("pool", 1, 1),))
    kinds = [kind for kind, name in deleted(planned(one, around)) if name == "pool"]
    assert kinds == ["Service", "NetworkPolicy", "Secret", "Deployment"]


def test_a_sandbox_that_crashed_and_serves_again_is_replaced() -> None:
    one = stage("EvalJob")
    ready = [{"type": "Ready", "status": "True"}]
    box = job(one, "pool", role=names.ROLE_SANDBOX)
    fresh = pod(box, index=0, conditions=ready)
    crashed = pod(
        box, index=1, conditions=ready, containerStatuses=[{"restartCount": 1, "state": {}}]
    )
    looping = pod(box, index=2, containerStatuses=[{"restartCount": 9, "state": {}}])
    found = planned(one, seen(one, *resolved(one), fresh, crashed, looping))
    assert deleted(found) == [("Pod", crashed.name)]


def test_a_lost_answer_is_asked_for_again() -> None:
    one = stage()
    answered, _ = resolved(one)
    found = planned(one, seen(one, answered))  # its pod is gone
    assert deleted(found) == [("Job", answered.name)]


def test_a_run_whose_resolve_job_was_deleted_goes_on() -> None:
    one = stage()
    found = planned(one, seen(one, live_of(one)))
    assert "Job" in applied(found)
    assert deleted(found) == []


def test_artifacts_are_removed_once_nothing_writes_them() -> None:
    one = stage(deletionPolicy="Delete")
    running = step(one)
    before = plan_deletion(one, seen(one, running, pod(running)), SETTINGS)
    assert (applied(before), deleted(before)) == ([], [("Job", running.name)])
    after = plan_deletion(one, seen(one), SETTINGS)
    assert applied(after) == ["ConfigMap", "Job"]


def test_suspend_is_left_to_kueue_where_a_queue_is_named() -> None:
    free, queued = stage(), stage(queueName="team")
    jobs = [planned(one, seen(one, *resolved(one))).apply[-1] for one in (free, queued)]
    assert [item["spec"].get("suspend") for item in jobs] == [False, None]
    assert jobs[1]["metadata"]["labels"][names.LABEL_QUEUE] == "team"
