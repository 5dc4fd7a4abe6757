"""Fixtures that several folders of tests share; each starts the real thing."""

from collections.abc import Iterator

import pytest

from devcluster import apiserver
from tests import sandbox_server
from tests.api_server import ApiServer
from tests.minio_server import MinioServer, minio_binary
from tests.sandbox_server import SandboxServer


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A MinIO server for the whole session; every test takes a bucket of its own."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("no MinIO server: `make cluster-up` builds one, or set OREMILL_MINIO")
    server = MinioServer.new(tmp_path_factory.mktemp("minio"))
    with server.running(binary):
        yield server


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A kube-apiserver for the whole session; every test takes a namespace or names of its own."""
    with apiserver.start(tmp_path_factory.mktemp("api")) as server:
        yield ApiServer(server)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """A sandbox runner for the whole session; its executions share nothing."""
    with sandbox_server.running(tmp_path_factory.mktemp("sandbox")) as server:
        yield server
