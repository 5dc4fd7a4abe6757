"""Small jobs on a real cluster: what goes wrong is said, what is changed by hand is put back."""

from pathlib import Path

import pytest
import yaml

from oremill.names import ROLE_RESOLVE, ROLE_STEP
from tests.e2e.kube import JsonObject, Kube, condition

pytestmark = pytest.mark.cluster

PIPELINE = Path(__file__).resolve().parents[2] / "examples" / "pipeline.yaml"
CORPUS = """
apiVersion: oremill.dev/v1alpha1
kind: DataCorpus
metadata: {{name: {name}}}
spec:
  sources: [{{name: packages, archives: {{prefix: {prefix}}}}}]
  storage: {{secretRef: {{name: {secret}}}}}
"""
TWO_WORKERS = """
apiVersion: oremill.dev/v1alpha1
kind: PretrainJob
metadata: {name: two-workers}
spec:
  corpusRef: {name: demo}
  tokenizerRef: {name: demo}
  tokens: 80K
  batch: {tokens: 8192, microSequences: 16}
  model: {contextLength: 256}
  workers: {replicas: 2}
  zeroStage: 1
  checkpoint: {everySteps: 5}
"""


def _corpus(kube: Kube, name: str, prefix: str, secret: str = "oremill-storage") -> None:
    kube.apply(CORPUS.format(name=name, prefix=prefix, secret=secret))


def test_an_empty_prefix_fails_with_the_field_and_the_key(kube: Kube) -> None:
    _corpus(kube, "nothing-there", "inputs/nowhere/")
    status = kube.finished("DataCorpus", "nothing-there", 180)
    assert (status["phase"], status["reason"]) == ("Failed", "UserError")
    assert "sources[0].archives" in status["message"]
    assert "inputs/nowhere/" in status["message"]


def test_a_missing_secret_is_named_while_the_pod_waits(kube: Kube) -> None:
    _corpus(kube, "no-secret", "inputs/packages/", secret="not-made-yet")
    status = kube.wait(
        "the missing Secret to be named",
        lambda: kube.stage("DataCorpus", "no-secret"),
        lambda seen: "not-made-yet" in condition(seen, "PodsReady").get("message", ""),
        180,
    )
    assert condition(status, "PodsReady")["status"] == "False"
    kube.must("delete", "datacorpus", "no-secret")


def test_a_reference_to_nothing_waits_and_names_it(kube: Kube) -> None:
    kube.apply(
        TWO_WORKERS.replace("two-workers", "waiting").replace("{name: demo}", "{name: none}")
    )
    status = kube.wait(
        "the stage to wait",
        lambda: kube.stage("PretrainJob", "waiting"),
        lambda seen: seen.get("phase") == "Waiting",
        60,
    )
    assert condition(status, "InputsReady")["reason"] == "WaitingForInput"
    assert "none" in condition(status, "InputsReady")["message"]
    kube.must("delete", "pretrainjob", "waiting")


@pytest.fixture(scope="module")
def two_workers(kube: Kube) -> JsonObject:
    """A short PretrainJob on two pods, whose Service is meddled with as it starts."""
    inputs = list(yaml.safe_load_all(PIPELINE.read_text()))[:2]
    kube.apply(yaml.safe_dump_all(inputs))  # corpus and tokenizer: reused when they are there
    kube.finished("TokenizerJob", "demo", 900)
    kube.apply(TWO_WORKERS)
    kube.wait(
        "the step's Job",
        lambda: {"items": kube.children("jobs", "PretrainJob", "two-workers", ROLE_STEP)},
        lambda seen: seen["items"],
        180,
    )
    (service,) = kube.children("services", "PretrainJob", "two-workers", ROLE_STEP)
    name = service["metadata"]["name"]
    kube.must("patch", "service", name, "--type=merge", "-p", '{"spec":{"selector":{"a":"b"}}}')
    _put_back(kube, name, service["spec"]["selector"])
    kube.must("delete", "service", name)
    _put_back(kube, name, service["spec"]["selector"])
    return kube.finished("PretrainJob", "two-workers", 600)


def _put_back(kube: Kube, name: str, selector: JsonObject) -> None:
    kube.wait(
        "the Service to be put back",
        lambda: kube.get("service", name),
        lambda seen: seen.get("spec", {}).get("selector") == selector,
        60,
    )


def test_two_workers_train_together_while_their_service_is_repaired(
    two_workers: JsonObject,
) -> None:
    assert two_workers["phase"] == "Complete", two_workers["message"]
    assert two_workers["artifact"]["digest"]


def test_a_restarted_object_looks_in_the_bucket_first(kube: Kube, two_workers: JsonObject) -> None:
    kube.must("delete", "pretrainjob", "two-workers", "--wait=true")
    kube.apply(TWO_WORKERS.replace("replicas: 2", "replicas: 1"))
    status = kube.finished("PretrainJob", "two-workers", 180)
    assert condition(status, "Complete")["reason"] == "Reused", (
        "placement does not shape the result"
    )
    assert status["artifact"]["digest"] == two_workers["artifact"]["digest"]
    assert kube.children("jobs", "PretrainJob", "two-workers", ROLE_RESOLVE)
    assert not kube.children("jobs", "PretrainJob", "two-workers", ROLE_STEP)
