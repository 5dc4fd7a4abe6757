"""The end-to-end tests' own namespace: the demo's cluster, chart and inputs, started if need be."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devcluster import cluster
from tests.e2e.kube import Kube

NAMESPACE = "oremill-e2e"


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """A namespace with operator, MinIO and inputs, in which nothing was made before.

    It is kept when OREMILL_KEEP is set, to look at what failed.
    """
    environment = {**os.environ, **cluster.env()}
    namespace = Kube(NAMESPACE, environment)
    if namespace.run("get", "namespace", NAMESPACE).returncode == 0:
        _delete(namespace)
    ready = [sys.executable, "-m", "devcluster.demo", "--namespace", NAMESPACE, "--until", "ready"]
    subprocess.run(ready, check=True)
    yield namespace
    if "OREMILL_KEEP" not in os.environ:
        _delete(namespace)


def _delete(kube: Kube) -> None:
    kube.must("delete", "namespace", NAMESPACE, "--wait=true", "--timeout=180s")
