"""The end-to-end tests' own namespace: the demo's cluster, chart and inputs, started if need be."""

from collections.abc import Iterator

import pytest

from tests.e2e.kube import Kube, installed


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """A namespace with operator, MinIO and inputs, in which nothing was made before."""
    with installed("oremill-e2e") as namespace:
        yield namespace
