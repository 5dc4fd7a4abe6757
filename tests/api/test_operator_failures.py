"""The operator's process against a real API server: pods that fail, operators that are killed."""

import json
from pathlib import Path

import pytest

from oremill import names
from tests.api_server import ApiServer
from tests.operator_acts import (
    CORPUS,
    complete,
    holder_of,
    new_place,
    read,
    resolve,
    started,
)
from tests.operator_world import (
    Client,
    Operator,
    Place,
    operator,
    outcome,
    running,
)

pytestmark = [pytest.mark.api, pytest.mark.timeout(180)]


class TestFailures:
    def test_the_users_mistake_is_shown_and_never_retried(self, place: Place) -> None:
        pod = started(place)
        place.end(
            pod, 2, outcome("user", reason="UserError", message="spec.sources[0]: no archive")
        )
        status = place.until_reason("DataCorpus", "one", "UserError")
        assert (status["phase"], status["message"]) == ("Failed", "spec.sources[0]: no archive")
        assert len(place.list("Job", role=names.ROLE_STEP)) == 1

    def test_a_retry_annotation_runs_a_failed_stage_again(self, place: Place) -> None:
        place.end(started(place), 2, outcome("user", message="no"))
        place.until_reason("DataCorpus", "one", "UserError")
        note = {"metadata": {"annotations": {names.ANNOTATION_RETRY: "again"}}}
        place.patch("DataCorpus", "one", note)
        resolve(place, "DataCorpus", "one")
        pod = place.pod_of(names.ROLE_STEP)
        assert pod["metadata"]["labels"][names.LABEL_ATTEMPT] == "1"
        status = place.status("DataCorpus", "one")
        assert (status["restarts"], status["retried"]) == (0, "again")

    def test_a_failure_is_counted_and_the_budget_ends_it(self, place: Place) -> None:
        pod = started(place, failurePolicy={"maxRestarts": 1})
        place.end(pod, 1, "Traceback\nValueError: bad shard")
        status = place.until_reason("DataCorpus", "one", "Restarting")
        assert "ValueError: bad shard" in status["message"]
        assert (status["attempt"], status["restarts"]) == (1, 1)
        place.end(place.pod_of(names.ROLE_STEP, attempt="1"), 1, "", "OOMKilled")
        status = place.until_reason("DataCorpus", "one", "OutOfMemory")
        assert "2 of 2 allowed attempts failed" in status["message"]
        assert "spec.pod.memory" in status["message"]

    def test_a_deleted_pod_is_replaced_and_not_counted(self, place: Place) -> None:
        pod = started(place)
        place.run(pod)
        place.delete("Pod", pod["metadata"]["name"])
        place.pod_of(names.ROLE_STEP, attempt="1")
        status = place.status("DataCorpus", "one")
        assert (status["attempt"], status["restarts"]) == (1, 0)

    def test_a_preempted_pod_is_replaced_and_not_counted(self, place: Place) -> None:
        place.end(started(place), 75, outcome("resumable", message="SIGTERM"))
        place.pod_of(names.ROLE_STEP, attempt="1")
        assert place.status("DataCorpus", "one")["restarts"] == 0

    def test_a_missing_object_of_the_bucket_fails_before_any_step(self, place: Place) -> None:
        place.create("DataCorpus", "one", CORPUS)
        pod = place.pod_of(names.ROLE_RESOLVE)
        place.end(pod, 2, outcome("user", message="spec.sources[0].archives.prefix: nothing there"))
        status = place.until_reason("DataCorpus", "one", "UserError")
        assert "archives.prefix" in status["message"]

    def test_a_silent_bucket_is_told_and_asked_again(self, place: Place) -> None:
        place.create("DataCorpus", "one", CORPUS)
        said = outcome("resumable", reason="StorageUnavailable", message="http://minio: no answer")
        place.end(place.pod_of(names.ROLE_RESOLVE), 75, said)
        place.until(
            "the condition",
            lambda: (
                place.condition("DataCorpus", "one", "Progressing").get("reason")
                == "StorageUnavailable"
            ),
        )
        resolve(place, "DataCorpus", "one", "found")  # the Job controller's next pod
        place.until_reason("DataCorpus", "one", "Reused")

    def test_a_deadline_ends_the_stage(self, place: Place) -> None:
        place.run(started(place, activeDeadlineSeconds=2))
        status = place.until_reason("DataCorpus", "one", "DeadlineExceeded")
        assert "spec.activeDeadlineSeconds" in status["message"]


class TestCrashes:
    def test_nothing_is_lost_or_doubled_when_the_operator_is_killed(
        self, place: Place, process: Operator
    ) -> None:
        owners = [f"n{number}" for number in range(10)]
        for number, owner in enumerate(owners):
            place.create("DataCorpus", owner, CORPUS)
            if number % 3 == 0:
                process.kill()
                process.start()
        for owner in owners:
            resolve(place, "DataCorpus", owner)
        process.kill()
        process.start()
        for owner in owners:
            place.run(place.pod_of(names.ROLE_STEP, owner=owner))
            place.until_reason("DataCorpus", owner, "Running")
        jobs = [job["metadata"]["labels"] for job in place.list("Job")]
        made = sorted((job[names.LABEL_OWNER], job[names.LABEL_ROLE]) for job in jobs)
        wanted = [(owner, role) for owner in owners for role in ("resolve", "step")]
        assert made == sorted(wanted)

    def test_health_and_metrics_are_served(self, place: Place, process: Operator) -> None:
        complete(place, "DataCorpus", "one")
        settings = json.loads(Path(process.environment[names.ENV_SETTINGS]).read_text())
        assert read(settings["healthPort"], "healthz") == "ok"
        assert read(settings["healthPort"], "readyz") == "ok"
        shown = read(settings["metricsPort"], "metrics")
        assert 'oremill_reconcile_total{kind="DataCorpus",result="done"}' in shown
        assert 'oremill_objects{kind="DataCorpus",phase="Complete"}' in shown

    def test_a_standby_takes_over(
        self, operator_server: ApiServer, client: Client, account: Path, tmp_path: Path
    ) -> None:
        """Two operators of one namespace, of which the first is killed."""
        place = new_place(operator_server, client)
        lease = {
            names.ENV_LEASE: "default/standby-test",
        }
        default = Place(client, "default")
        folders = [tmp_path / "first", tmp_path / "second"]
        with running(operator(account, folders[0], "-n", place.namespace, **lease)) as first:
            holder = default.until("a leader", lambda: holder_of(default))
            with running(operator(account, folders[1], "-n", place.namespace, **lease)):
                first.kill()
                default.until("another", lambda: holder_of(default) not in (holder, ""), 40)
        assert holder_of(default) == ""
