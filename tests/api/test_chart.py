"""The chart, as helm installs it on a real API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from oremill import names
from tests.api_server import ApiServer

pytestmark = pytest.mark.api

CHART = str(Path(__file__).parents[2] / "helm/oremill")
NAMESPACE = "mill"
VALUES = ("--set=minio.enabled=true", "--set=operator.replicas=2", "--set=rbac.aggregate=true")


@pytest.fixture(scope="module")
def installed(api: ApiServer) -> Iterator[ApiServer]:
    """The API server with the chart in a namespace of the restricted level."""
    api.kubectl("create", "namespace", NAMESPACE)
    level = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    api.kubectl("label", "namespace", NAMESPACE, *level)
    helm(api, "install", *VALUES)
    yield api
    api.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    crds = [f"{plural}.{names.GROUP}" for plural in names.PLURALS.values()]
    api.kubectl("delete", "crd", "--ignore-not-found", *crds)


def helm(server: ApiServer, verb: str, *words: str) -> str:
    done = server.run("helm", verb, "oremill", CHART, f"--namespace={NAMESPACE}", *words)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower(), done.stderr
    return done.stdout


def keys(server: ApiServer) -> list[Any]:
    found = ("oremill-key", "oremill-storage")
    words = ("get", "secret", f"--namespace={NAMESPACE}", "--output=yaml")
    return [yaml.safe_load(server.kubectl(*words, name))["data"] for name in found]


@pytest.mark.parametrize("owner", ["deployment/oremill", "statefulset/oremill-minio"])
def test_a_pod_of_the_chart_is_admitted_at_the_restricted_level(
    installed: ApiServer, owner: str
) -> None:
    words = (f"--namespace={NAMESPACE}", "--output=yaml")
    template = yaml.safe_load(installed.kubectl("get", owner, *words))["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "try", "namespace": NAMESPACE},
        "spec": template["spec"],
    }
    installed.kubectl("create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(pod))


# verb, resource, namespace, whether the operator may
RIGHTS = [
    ("list", "pretrainjobs.oremill.dev", NAMESPACE, True),
    ("patch", "pretrainjobs.oremill.dev/status", NAMESPACE, True),
    ("create", "jobs.batch", NAMESPACE, True),
    ("list", "pods", NAMESPACE, True),
    ("update", "leases.coordination.k8s.io", NAMESPACE, True),
    ("create", "pretrainjobs.oremill.dev", NAMESPACE, False),
    ("get", "secrets", NAMESPACE, False),
    ("list", "secrets", NAMESPACE, False),
    ("create", "pods", NAMESPACE, False),
    ("create", "pods/exec", NAMESPACE, False),
    ("create", "roles.rbac.authorization.k8s.io", NAMESPACE, False),
    ("list", "pretrainjobs.oremill.dev", "default", False),
    ("list", "nodes", "default", False),
]


@pytest.mark.parametrize(
    ("verb", "resource", "namespace", "may"),
    RIGHTS,
    ids=[f"{verb}-{resource}-{space}" for verb, resource, space, _ in RIGHTS],
)
def test_the_operator_may_do_what_it_needs_and_no_more(
    installed: ApiServer, verb: str, resource: str, namespace: str, may: bool
) -> None:
    account = f"--as=system:serviceaccount:{NAMESPACE}:oremill"
    resource, _, part = resource.partition("/")
    words = ("auth", "can-i", verb, resource, f"--namespace={namespace}", account)
    done = installed.run("kubectl", *words, *([f"--subresource={part}"] if part else []))
    assert (done.stdout.strip() == "yes") is may


def test_an_upgrade_keeps_the_keys_and_uninstall_the_crds(installed: ApiServer) -> None:
    before = keys(installed)
    helm(installed, "upgrade", *VALUES, "--set=operator.concurrency=9")
    assert keys(installed) == before
    done = installed.run("helm", "uninstall", "oremill", f"--namespace={NAMESPACE}")
    assert done.returncode == 0, done.stderr
    left = installed.kubectl("get", "crd", "--output=name").split()
    assert len(left) == len(names.KINDS)
