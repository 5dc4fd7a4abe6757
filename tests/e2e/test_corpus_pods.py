"""A corpus made by two pods of a real cluster: both work, and the bytes are those of one."""

import json
import re
from dataclasses import dataclass

import pytest

from oremill.names import MANIFEST, ROLE_STEP
from tests.e2e.kube import JsonObject, Kube

pytestmark = pytest.mark.cluster

CORPUS = """
apiVersion: oremill.dev/v1alpha1
kind: DataCorpus
metadata: {{name: {name}}}
spec:
  sources: [{{name: packages, archives: {{prefix: inputs/packages/}}}}]
  languages: {{exclude: [Lua]}} # a corpus that no other test makes
  workers: {{replicas: {pods}}}
  pod: {{memory: 3Gi}}
"""


@dataclass
class Corpus:
    """What is left of a corpus that was made."""

    status: JsonObject
    job: JsonObject
    log: str  # of the first pod
    files: list[JsonObject]


def corpus(kube: Kube, pods: int) -> Corpus:
    """Make a corpus with so many pods."""
    name = f"by-{pods}"
    kube.apply(CORPUS.format(name=name, pods=pods))
    status = kube.finished("DataCorpus", name, 900)
    assert status["phase"] == "Complete", (status["reason"], status["message"])
    (job,) = kube.children("jobs", "DataCorpus", name, ROLE_STEP)
    labels = f"job-name={job['metadata']['name']},batch.kubernetes.io/job-completion-index=0"
    log = kube.must("logs", "-l", labels, "--tail=-1")
    key = status["artifact"]["uri"].removeprefix("s3://")
    cat = ("--", "mc", "cat", f"own/{key}/{MANIFEST}")
    manifest = kube.must("exec", "statefulset/oremill-minio", *cat)
    kube.must("delete", "datacorpus", name)  # the pipeline's tests count what is in the namespace
    return Corpus(status, job, log, json.loads(manifest)["files"])


@pytest.fixture(scope="module")
def one(kube: Kube) -> Corpus:
    return corpus(kube, 1)


@pytest.fixture(scope="module")
def two(kube: Kube) -> Corpus:
    return corpus(kube, 2)


def test_two_pods_make_the_bytes_of_one(one: Corpus, two: Corpus) -> None:
    assert two.status["artifact"]["digest"] == one.status["artifact"]["digest"]
    assert two.files == one.files


def test_both_pods_work(two: Corpus) -> None:
    dealt = [re.findall(r"-a0-(\d) (\d+)", line) for line in re.findall("done by .*", two.log)]
    assert len(dealt) >= 3
    for pods in dealt:
        if sum(int(tasks) for _, tasks in pods) >= 4:
            assert [pod for pod, _ in pods] == ["0", "1"]


def test_the_first_pods_success_ends_the_job(two: Corpus) -> None:
    met = [c for c in two.job["status"]["conditions"] if c["type"] == "SuccessCriteriaMet"]
    assert [condition["reason"] for condition in met] == ["SuccessPolicy"]


def test_nothing_of_ray_starts_where_a_pod_is_alone(one: Corpus) -> None:
    assert "Ray" not in one.log
    assert "successPolicy" not in one.job["spec"]
