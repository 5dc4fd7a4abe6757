"""The operator's process against a real API server: its children, and why they do not start."""

import time

import pytest

from oremill import names
from tests.operator_acts import CORPUS, SPECS, started, started_eval, uri, versions, warn
from tests.operator_world import (
    Place,
    outcome,
)

pytestmark = [pytest.mark.api, pytest.mark.timeout(180)]


class TestChildren:
    def test_a_deleted_job_is_made_again(self, place: Place) -> None:
        pod = started(place)
        job = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        uid = place.get("Job", job)["metadata"]["uid"]  # type: ignore[index]
        place.delete("Job", job)

        def again() -> bool:
            found = place.get("Job", job)
            return found is not None and found["metadata"]["uid"] != uid

        place.until("the Job is made again", again)
        assert place.status("DataCorpus", "one")["restarts"] == 0

    def test_sandboxes_come_with_the_run_and_go_with_it(self, place: Place) -> None:
        pod = started_eval(place)
        pool = place.list("Deployment")[0]["metadata"]["name"]
        for kind in ("Service", "NetworkPolicy", "Secret"):
            assert place.get(kind, pool) is not None, kind
        assert place.until_reason("EvalJob", "one", "SandboxesNotReady")["phase"] == "Pending"
        place.end(pod, 0, outcome("done", uri(place, "EvalJob", "one")))
        place.until_reason("EvalJob", "one", "Succeeded")
        for kind in ("Deployment", "Service", "NetworkPolicy", "Secret"):
            place.until(f"{kind} is gone", lambda kind=kind: place.get(kind, pool) is None)

    def test_a_child_changed_by_hand_is_put_back(self, place: Place) -> None:
        started_eval(place)
        pool = place.list("Deployment")[0]["metadata"]["name"]
        place.patch("Deployment", pool, {"spec": {"replicas": 0}})
        place.until(
            "the replicas are back",
            lambda: place.get("Deployment", pool)["spec"]["replicas"] == 1,  # type: ignore[index]
        )
        place.delete("NetworkPolicy", pool)
        place.until("the policy is back", lambda: place.get("NetworkPolicy", pool))

    def test_an_unchanged_world_is_left_alone(self, place: Place) -> None:
        place.run(started(place))
        place.until_reason("DataCorpus", "one", "Running")
        time.sleep(2)  # the Job controller writes the Job's status last
        before = versions(place)
        time.sleep(4)  # four looks
        assert versions(place) == before

    def test_suspending_stops_the_pods_and_resuming_goes_on(self, place: Place) -> None:
        pod = started(place)
        place.patch("DataCorpus", "one", {"spec": {"suspend": True}})
        place.until_reason("DataCorpus", "one", "Suspended")
        name = pod["metadata"]["name"]
        place.until("the pod is gone", lambda: place.get("Pod", name) is None)
        place.patch("DataCorpus", "one", {"spec": {"suspend": False}})
        place.pod_of(names.ROLE_STEP, attempt="0")
        assert place.status("DataCorpus", "one")["restarts"] == 0

    def test_a_changed_spec_ends_the_old_run(self, place: Place) -> None:
        pod = started(place)
        place.patch("DataCorpus", "one", {"spec": {"seed": 7}})
        name = pod["metadata"]["name"]
        place.until("the old pod is gone", lambda: place.get("Pod", name) is None)
        place.pod_of(names.ROLE_RESOLVE)

    def test_a_changed_placement_restarts_the_step_with_it(self, place: Place) -> None:
        started(place)
        place.patch("DataCorpus", "one", {"spec": {"pod": {"memory": "3Gi"}}})

        def larger() -> bool:
            pods = place.list("Pod", role=names.ROLE_STEP)
            sizes = [pod["spec"]["containers"][0]["resources"]["limits"] for pod in pods]
            return [size["memory"] for size in sizes] == ["3Gi"]

        place.until("the pod has 3Gi", larger)

    def test_a_changed_budget_restarts_nothing(self, place: Place) -> None:
        pod = started(place)
        place.patch("DataCorpus", "one", {"spec": {"failurePolicy": {"maxRestarts": 9}}})
        place.until(
            "the spec was seen",
            lambda: place.status("DataCorpus", "one").get("observedGeneration") == 2,
        )
        time.sleep(2)
        found = place.pod_of(names.ROLE_STEP)
        assert found["metadata"]["uid"] == pod["metadata"]["uid"]


class TestReasons:
    def test_a_rule_that_the_schema_cannot_say_is_told_with_its_field(self, place: Place) -> None:
        place.create("PretrainJob", "one", SPECS["PretrainJob"] | {"model": {"hiddenSize": 130}})
        status = place.until_reason("PretrainJob", "one", "InvalidSpec")
        assert status["phase"] == "Failed"
        assert "spec.model.hiddenSize: 130 is not a multiple of heads 4" in status["message"]
        place.patch("PretrainJob", "one", {"spec": {"model": {"hiddenSize": 128}}})
        place.until_reason("PretrainJob", "one", "WaitingForInput")

    def test_the_schedulers_words_are_copied(self, place: Place) -> None:
        pod = started(place)
        scheduled = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        }
        place.patch(
            "Pod", pod["metadata"]["name"], {"status": {"conditions": [scheduled]}}, "status"
        )
        status = place.until_reason("DataCorpus", "one", "Unschedulable")
        assert "Insufficient nvidia.com/gpu" in status["message"]

    def test_an_image_that_cannot_be_pulled_is_told(self, place: Place) -> None:
        place.wait_in(started(place), "ImagePullBackOff", 'Back-off pulling image "x"')
        place.until_reason("DataCorpus", "one", "ImagePullFailed")

    def test_a_missing_secret_is_named(self, place: Place) -> None:
        words = 'MountVolume.SetUp failed for volume "storage" : secret "mine" not found'
        warn(place, started(place), words)
        status = place.until_reason("DataCorpus", "one", "ImagePullFailed")
        assert "create Secret 'mine'" in status["message"]

    def test_a_secret_without_its_keys_is_named(self, place: Place) -> None:
        words = "references non-existent secret key: accessKey"
        warn(place, started(place), f'MountVolume.SetUp failed for volume "storage" : {words}')
        status = place.until_reason("DataCorpus", "one", "ImagePullFailed")
        assert "add the key accessKey to Secret 'oremill-storage'" in status["message"]

    def test_stages_that_wait_for_each_other_are_named(self, place: Place) -> None:
        for name, needed in (("one", "two"), ("two", "one")):
            model = {"kind": "SFTJob", "name": needed}
            place.create("SFTJob", name, SPECS["SFTJob"] | {"modelRef": model})
        way = "waits for itself: SFTJob 'one' → SFTJob 'two' → SFTJob 'one'"
        place.until(way, lambda: way in place.status("SFTJob", "one").get("message", ""))

    def test_exceeded_quota_is_told_in_the_api_servers_words(self, place: Place) -> None:
        place.create("ResourceQuota", "none", {"hard": {"pods": "0"}})
        place.until("the quota counts", lambda: "hard" in place.status("ResourceQuota", "none"))
        place.create("DataCorpus", "one", CORPUS)
        status = place.until_reason("DataCorpus", "one", "QuotaExceeded")
        assert status["phase"] == "Pending"
        assert "exceeded quota: none" in status["message"]

    def test_a_closed_gate_holds_the_stage_back(self, place: Place) -> None:
        gate = {"evalRef": {"name": "judge"}, "metric": "humaneval/pass@1", "atLeast": 0.2}
        place.create("DataCorpus", "one", CORPUS | {"requires": [gate]})
        status = place.until_reason("DataCorpus", "one", "GateNotMet")
        assert "EvalJob 'judge' must be at least 0.2" in status["message"]

    def test_a_failed_input_is_named(self, place: Place) -> None:
        place.create("TokenizerJob", "next", {"corpusRef": {"name": "one"}})
        place.end(started(place), 2, outcome("user", message="no archives"))
        status = place.until_reason("TokenizerJob", "next", "InputFailed")
        assert "no archives" in status["message"]
