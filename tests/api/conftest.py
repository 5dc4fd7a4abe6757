"""The operator's process, with the chart's rights, for each file of its tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from devcluster import apiserver
from oremill import names
from tests.api_server import ApiServer
from tests.operator_acts import new_place
from tests.operator_world import (
    Client,
    Operator,
    Place,
    controllers,
    operator,
    running,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def operator_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("operator-api")
    with apiserver.start(folder) as started_server:
        api = ApiServer(started_server)
        api.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        crds = [f"crd/{plural}.{names.GROUP}" for plural in names.PLURALS.values()]
        api.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
        with controllers(api, folder):
            yield api


@pytest.fixture(scope="module")
def client(operator_server: ApiServer) -> Client:
    return Client(operator_server)


@pytest.fixture(scope="module")
def account(operator_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the service account that the chart makes, with its rights and no others."""
    chart = str(ROOT / "helm/oremill")
    done = operator_server.run(
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
    assert operator_server.apply(*rights).returncode == 0
    token = operator_server.kubectl("-n", subject["namespace"], "create", "token", subject["name"])
    config = yaml.safe_load(operator_server.server.kubeconfig.read_text())
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
def place(operator_server: ApiServer, client: Client, process: Operator) -> Place:
    """A namespace of the test's own, under the restricted Pod Security level."""
    if process.process is not None and process.process.poll() is not None:
        process.start()
    return new_place(operator_server, client)
