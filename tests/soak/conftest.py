"""The long tests' own namespace: the demo's cluster and chart, with room for gigabytes."""

import base64
from collections.abc import Iterator

import pytest

from devcluster import cluster
from devcluster.demo import deploy
from devcluster.demo.kube import Kube as Helm
from oremill.specs.artifact import StorageTarget
from pipeline_steps.storage import Store
from tests.e2e.kube import Kube, installed

NAMESPACE = "oremill-soak"
DISK = "28Gi"  # of the bucket: input, parts and shards at once


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """A namespace with operator and MinIO, in which nothing was made before."""
    with installed(NAMESPACE) as namespace:
        chart = [deploy.RELEASE, deploy.CHART, "--reuse-values", "--wait", "--timeout", "5m"]
        helm = Helm.of(cluster.here(), "", NAMESPACE)
        helm.helm("upgrade", *chart, "--set", f"minio.persistence.size={DISK}")
        yield namespace


@pytest.fixture(scope="session")
def store(kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The bucket of that namespace, by its Service: a node's own programs reach it, too."""
    secret = tmp_path_factory.mktemp("secret")
    for key, value in kube.get("secret", "oremill-storage")["data"].items():
        (secret / key).write_bytes(base64.b64decode(value))
    address = kube.get("service", deploy.MINIO)["spec"]["clusterIP"]
    target = StorageTarget(endpoint=f"http://{address}:9000", bucket=deploy.BUCKET)
    return Store.open(target, secret)
