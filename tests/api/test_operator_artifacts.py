"""The operator's process against a real API server: artifacts, progress, how a stage ends.

The test is the kubelet. Namespaces enforce the restricted Pod Security level, and the operator has
the rights that the chart gives it, so every plan is also judged by admission and RBAC.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient

from oremill import names
from oremill.api import Api
from oremill.board import Board
from oremill.cluster import Cluster
from oremill.reconcile import Reconciler
from oremill.settings import Settings
from oremill.stage import Key
from tests.operator_acts import (
    CORPUS,
    SPECS,
    STEP_DIGEST,
    complete,
    fake_model,
    order_of,
    resolve,
    serving,
    started,
    uri,
    warn,
)
from tests.operator_world import (
    Place,
    outcome,
)

pytestmark = [pytest.mark.api, pytest.mark.timeout(180)]


class TestArtifacts:
    def test_a_stage_that_was_made_before_starts_no_step(self, place: Place) -> None:
        complete(place, "DataCorpus", "one")
        status = place.status("DataCorpus", "one")
        assert status["phase"] == "Complete"
        assert status["artifact"]["uri"] == uri(place, "DataCorpus", "one")
        roles = [job["metadata"]["labels"][names.LABEL_ROLE] for job in place.list("Job")]
        assert roles == [names.ROLE_RESOLVE]

    def test_a_stage_runs_from_order_to_artifact_and_wakes_the_next(self, place: Place) -> None:
        place.create("TokenizerJob", "next", {"corpusRef": {"name": "one"}})
        waiting = place.until_reason("TokenizerJob", "next", "WaitingForInput")
        assert "DataCorpus 'one' (spec.corpusRef), which does not exist" in waiting["message"]
        pod = started(place)
        place.run(pod)
        place.until_reason("DataCorpus", "one", "Running")
        assert place.status("DataCorpus", "one")["phase"] == "Running"
        made = outcome("done", uri(place, "DataCorpus", "one"), results={"documents": 12})
        place.end(pod, 0, made)
        status = place.until_reason("DataCorpus", "one", "Succeeded")
        assert (status["headline"], status["results"]) == (
            "documents 12",
            [{"name": "documents", "value": "12"}],
        )
        order = order_of(place, place.pod_of(names.ROLE_RESOLVE, owner="next"))
        assert order["inputs"][0]["name"] == "corpusRef"
        assert order["inputs"][0]["digest"] == STEP_DIGEST

    def test_the_step_is_told_what_to_make(self, place: Place) -> None:
        order = order_of(place, started(place))
        assert (order["role"], order["digest"], order["attempt"]) == ("step", STEP_DIGEST, 0)
        assert order["spec"]["sources"][0]["archives"] == CORPUS["sources"][0]["archives"]

    def test_a_finished_stage_survives_its_jobs(self, place: Place) -> None:
        complete(place, "DataCorpus", "one")
        name = place.list("Job")[0]["metadata"]["name"]
        place.delete("Job", name)
        place.until("the Job is gone", lambda: place.get("Job", name) is None)
        time.sleep(2)
        assert place.list("Job") == []
        assert place.status("DataCorpus", "one")["reason"] == "Reused"


class TestProgress:
    def test_rank_0_is_asked_and_shown(self, place: Place) -> None:
        said = {
            "step": 40,
            "total": 80,
            "unit": "steps",
            "headline": "loss 1.83",
            "lastCheckpoint": {"step": 40, "uri": "s3://b/c", "time": "2026-01-01T00:00:00Z"},
        }
        fake_model(place, "DataCorpus", SPECS["PretrainJob"]["corpusRef"]["name"])
        fake_model(place, "TokenizerJob", SPECS["PretrainJob"]["tokenizerRef"]["name"])
        pod = started(place, "PretrainJob")
        with serving("127.0.0.77", said):
            place.run(pod, ip="127.0.0.77")
            place.until("the progress", lambda: place.status("PretrainJob", "one").get("headline"))
        status = place.status("PretrainJob", "one")
        assert status["progress"] == {"step": 40, "total": 80, "unit": "steps", "text": "50%"}
        assert status["lastCheckpoint"]["step"] == 40
        assert place.condition("PretrainJob", "one", "CheckpointAvailable")["reason"] == "Saved"
        assert status["effective"]["hiddenSize"] == "128"


class TestEnds:
    def test_artifacts_are_removed_before_the_object_goes(self, place: Place) -> None:
        complete(place, "DataCorpus", "one", deletionPolicy="Delete")
        place.delete("DataCorpus", "one")
        pod = place.pod_of(names.ROLE_CLEANUP)
        assert place.get("DataCorpus", "one") is not None
        place.end(pod, 0, outcome("done"))
        place.until("the object is gone", lambda: place.get("DataCorpus", "one") is None)

    def test_a_dead_bucket_cannot_hold_an_object(self, place: Place) -> None:
        complete(place, "DataCorpus", "one", deletionPolicy="Delete")
        place.delete("DataCorpus", "one")
        pod = place.pod_of(names.ROLE_CLEANUP)
        job = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        place.patch("Job", job, {"spec": {"activeDeadlineSeconds": 1}})
        place.until("the object is gone", lambda: place.get("DataCorpus", "one") is None)
        told = [event["message"] for event in place.list("Event")]
        assert any(text.startswith("artifacts stay") for text in told)

    def test_what_holds_up_the_removal_is_told_and_named_in_the_end(self, place: Place) -> None:
        complete(place, "DataCorpus", "one", deletionPolicy="Delete")
        place.delete("DataCorpus", "one")
        pod = place.pod_of(names.ROLE_CLEANUP)
        warn(place, pod, 'MountVolume.SetUp failed for volume "storage" : secret "mine" not found')
        status = place.until_reason("DataCorpus", "one", "ImagePullFailed")
        assert status["phase"] == "Deleting"
        assert "create Secret 'mine'" in status["message"]
        job = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        place.patch("Job", job, {"spec": {"activeDeadlineSeconds": 1}})
        place.until("the object is gone", lambda: place.get("DataCorpus", "one") is None)
        told = [event["message"] for event in place.list("Event")]
        assert any("artifacts stay" in text and "create Secret 'mine'" in text for text in told)

    def test_an_object_that_goes_while_it_is_looked_at_is_no_error(
        self, place: Place, account: Path
    ) -> None:
        body = place.create("DataCorpus", "one", CORPUS)
        place.delete("DataCorpus", "one")
        place.until("the object is gone", lambda: place.get("DataCorpus", "one") is None)
        body["metadata"]["generation"] += 1  # so that there is something to write

        class Late(Cluster):
            async def read(self, key: Key) -> dict[str, Any] | None:
                return body

        async def look() -> float | None:
            await config.load_kube_config(config_file=str(account))
            cluster = Late(Api(ApiClient()), ClientSession())
            try:
                return await Reconciler(cluster, Settings(), b"key", Board())(Key.of(body))
            finally:
                await cluster.close()

        assert asyncio.run(look()) is None

    def test_a_finished_object_goes_when_its_time_is_over(self, place: Place) -> None:
        place.create("DataCorpus", "one", CORPUS | {"ttlSecondsAfterFinished": 1})
        resolve(place, "DataCorpus", "one", "found")
        place.until("the object is gone", lambda: place.get("DataCorpus", "one") is None)
