"""The operator's process against a real API server, with Kubernetes' own controllers.

The test is the kubelet. Namespaces enforce the restricted Pod Security level, and the operator has
the rights that the chart gives it, so every plan is also judged by admission and RBAC.
"""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import apiserver
from oremill import names
from tests.api_server import ApiServer
from tests.operator_world import (
    Body,
    Client,
    Operator,
    Place,
    controllers,
    operator,
    outcome,
    running,
)

pytestmark = [pytest.mark.api, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
SPECS: dict[str, dict[str, Any]] = {
    kind: yaml.safe_load((ROOT / f"examples/{word}.yaml").read_text())["spec"]
    for kind, word in names.WORDS.items()
}
CORPUS = SPECS["DataCorpus"]
STEP_DIGEST = "d" * 64
_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("operator-api")
    with apiserver.start(folder) as started_server:
        api = ApiServer(started_server)
        api.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        crds = [f"crd/{plural}.{names.GROUP}" for plural in names.PLURALS.values()]
        api.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
        with controllers(api, folder):
            yield api


@pytest.fixture(scope="module")
def client(server: ApiServer) -> Client:
    return Client(server)


@pytest.fixture(scope="module")
def account(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the service account that the chart makes, with its rights and no others."""
    chart = str(ROOT / "helm/oremill")
    done = server.run(
        "helm",
        "template",
        "oremill",
        chart,
        "--kube-version",
        "1.34",
        "--set",
        "rbac.scope=cluster,operator.replicas=2",
        "-s",
        "templates/rbac.yaml",
    )
    assert done.returncode == 0, done.stderr
    rights = [body for body in yaml.safe_load_all(done.stdout) if body]
    subject = next(body for body in rights if "subjects" in body)["subjects"][0]
    if all(body["kind"] != "ServiceAccount" for body in rights):
        rights.append(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": subject["name"], "namespace": subject["namespace"]},
            }
        )
    assert server.apply(*rights).returncode == 0
    token = server.kubectl("-n", subject["namespace"], "create", "token", subject["name"])
    config = yaml.safe_load(server.server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token.strip()}
    path = tmp_path_factory.mktemp("account") / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def process(account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """The operator, for all tests of the file; one that a test killed is started again."""
    with running(operator(account, tmp_path_factory.mktemp("operator"), "-A")) as found:
        yield found


@pytest.fixture
def place(server: ApiServer, client: Client, process: Operator) -> Place:
    """A namespace of the test's own, under the restricted Pod Security level."""
    if process.process is not None and process.process.poll() is not None:
        process.start()
    return new_place(server, client)


def new_place(server: ApiServer, client: Client) -> Place:
    name = f"test-{next(_numbers)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    client.call("POST", "api/v1/namespaces", body)
    return Place(client, name)


def uri(place: Place, kind: str, name: str) -> str:
    return f"s3://oremill/{place.namespace}/{names.WORDS[kind]}/{name}/{STEP_DIGEST}"


def resolve(place: Place, kind: str, name: str, status: str = "missing") -> None:
    """Let the resolve pod answer."""
    pod = place.pod_of(names.ROLE_RESOLVE, kind=kind, owner=name)
    place.end(pod, 0, outcome(status, uri(place, kind, name)))


def started(place: Place, kind: str = "DataCorpus", name: str = "one", **spec: Any) -> Body:
    """Create an object whose artifact is missing, and return its step's pod."""
    place.create(kind, name, SPECS[kind] | spec)
    resolve(place, kind, name)
    return place.pod_of(names.ROLE_STEP, kind=kind, owner=name)


def complete(place: Place, kind: str, name: str, **spec: Any) -> None:
    """Create an object whose artifact is there."""
    place.create(kind, name, SPECS[kind] | spec)
    resolve(place, kind, name, "found")
    place.until_reason(kind, name, "Reused")


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


def order_of(place: Place, pod: Body) -> Body:
    volume = next(item for item in pod["spec"]["volumes"] if item["name"] == "order")
    found = place.get("ConfigMap", volume["configMap"]["name"])
    assert found is not None
    order: Body = json.loads(found["data"]["spec.json"])
    return order


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


def started_eval(place: Place) -> Body:
    """Start an EvalJob of a model that is there, and return its step's pod."""
    spec = SPECS["EvalJob"]
    model = spec["models"][0]
    fake_model(place, model["kind"], model["name"])
    return started(place, "EvalJob", models=[model])


def fake_model(place: Place, kind: str, name: str) -> None:
    """Make an object of a kind Complete, together with what it is made from."""
    spec = SPECS[kind]
    for field, needed in (("corpusRef", "DataCorpus"), ("tokenizerRef", "TokenizerJob")):
        if field in spec and place.get(needed, spec[field]["name"]) is None:
            fake_model(place, needed, spec[field]["name"])
    if "modelRef" in spec:
        fake_model(place, spec["modelRef"]["kind"], spec["modelRef"]["name"])
    complete(place, kind, name)


def versions(place: Place) -> dict[str, str]:
    kinds = ("DataCorpus", "Job", "ConfigMap", "Service", "NetworkPolicy")
    found = [item for kind in kinds for item in place.list(kind)]
    return {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in found}


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
        pod = started(place)
        place.create(
            "Event",
            "mount",
            metadata={"namespace": place.namespace},
            involvedObject={
                "kind": "Pod",
                "name": pod["metadata"]["name"],
                "namespace": place.namespace,
            },
            type="Warning",
            reason="FailedMount",
            message='MountVolume.SetUp failed for volume "storage" : secret "mine" not found',
            lastTimestamp="2026-01-01T00:00:00Z",
        )
        place.until(
            "the Secret is named",
            lambda: "create Secret 'mine'" in place.status("DataCorpus", "one").get("message", ""),
        )

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


def serving(address: str, said: Body) -> Any:
    """Serve GET /progress as rank 0 would."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *arguments: Any) -> None: ...

    class Serving:
        def __enter__(self) -> None:
            self.server = HTTPServer((address, names.PORT_PROGRESS), Handler)
            threading.Thread(target=self.server.serve_forever, daemon=True).start()

        def __exit__(self, *error: object) -> None:
            self.server.shutdown()
            self.server.server_close()

    return Serving()


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

    def test_a_finished_object_goes_when_its_time_is_over(self, place: Place) -> None:
        place.create("DataCorpus", "one", CORPUS | {"ttlSecondsAfterFinished": 1})
        resolve(place, "DataCorpus", "one", "found")
        place.until("the object is gone", lambda: place.get("DataCorpus", "one") is None)


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
        self, server: ApiServer, client: Client, account: Path, tmp_path: Path
    ) -> None:
        """Two operators of one namespace, of which the first is killed."""
        place = new_place(server, client)
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


def holder_of(place: Place) -> str:
    lease = place.get("Lease", "standby-test")
    return str(lease["spec"].get("holderIdentity", "")) if lease else ""


def read(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
        return str(answer.read().decode())
