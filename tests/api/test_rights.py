"""The operator under the rights that the chart gives it, and no others."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from oremill import names
from tests.api_server import ApiServer

pytestmark = pytest.mark.api

ROOT = Path(__file__).parents[2]
NAMESPACE = "rights"


@pytest.fixture(scope="module")
def log(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The log of an operator that runs as the chart's service account."""
    folder = tmp_path_factory.mktemp("operator")
    api.kubectl("create", "namespace", NAMESPACE)
    chart = ("oremill", str(ROOT / "helm/oremill"), f"--namespace={NAMESPACE}")
    storage = "--set=storage.endpoint=http://127.0.0.1:9"
    api.run("helm", "install", *chart, storage).check_returncode()
    crds = [f"crd/{plural}.{names.GROUP}" for plural in names.PLURALS.values()]
    api.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
    process = operator(api, folder)
    yield folder / "log"
    process.terminate()
    process.wait(timeout=30)
    api.run("helm", "uninstall", "oremill", f"--namespace={NAMESPACE}").check_returncode()
    api.kubectl("delete", *crds)
    api.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def operator(api: ApiServer, folder: Path) -> subprocess.Popen[bytes]:
    """Start the chart's own command, with its settings and its account's token."""
    show = (f"--namespace={NAMESPACE}", "--output=json")
    pod = json.loads(api.kubectl("get", "deployment/oremill", *show))["spec"]["template"]["spec"]
    config = json.loads(api.kubectl("get", "configmap/oremill-settings", *show))["data"]
    ports = {"metricsPort": free_port(), "healthPort": free_port()}
    settings = json.loads(config["settings.json"]) | ports
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "key").write_text("a key of thirty-two bytes or more")
    kubeconfig = yaml.safe_load(api.server.kubeconfig.read_text())
    token = api.kubectl("create", "token", "oremill", f"--namespace={NAMESPACE}").strip()
    kubeconfig["users"][0]["user"] = {"token": token}
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "operator"),
        "KUBECONFIG": str(folder / "kubeconfig"),
        names.ENV_SETTINGS: str(folder / "settings.json"),
        names.ENV_KEY_FILE: str(folder / "key"),
        names.ENV_NAMESPACES: NAMESPACE,
    }
    command = [sys.executable, "-m", *pod["containers"][0]["command"]]
    with (folder / "log").open("wb") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait(api: ApiServer, *words: str) -> list[dict[str, Any]]:
    """Return what `kubectl get` lists, as soon as there is something."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        shown = api.kubectl("get", *words, f"--namespace={NAMESPACE}", "--output=json")
        if found := json.loads(shown)["items"]:
            return list(found)
        time.sleep(0.2)
    raise TimeoutError(f"no {' '.join(words)}")


def test_the_charts_rights_are_enough_to_start_a_stage(api: ApiServer, log: Path) -> None:
    example = str(ROOT / "examples/corpus.yaml")
    api.kubectl("apply", f"--namespace={NAMESPACE}", "-f", example)
    (job,) = wait(api, "jobs")
    assert job["metadata"]["labels"][names.LABEL_ROLE] == names.ROLE_RESOLVE
    told = ("--for=condition=Accepted", "--timeout=30s", f"--namespace={NAMESPACE}")
    api.kubectl("wait", "corpus/tiny", *told)
    assert "forbidden" not in log.read_text().lower()


def test_they_are_enough_to_tell_a_user_of_a_mistake(api: ApiServer, log: Path) -> None:
    example = yaml.safe_load((ROOT / "examples/pretrain.yaml").read_text())
    example["metadata"] = {"name": "wrong", "namespace": NAMESPACE}
    example["spec"]["model"] = {"heads": 3}
    api.apply(example).check_returncode()
    (event,) = wait(api, "events", "--field-selector=involvedObject.name=wrong")
    assert "spec.model.hiddenSize" in event["message"]
    (stage,) = wait(api, "pretrain")
    (accepted,) = (item for item in stage["status"]["conditions"] if item["type"] == "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "InvalidSpec")
    assert "spec.model.hiddenSize: 128 is not a multiple of heads 3" in accepted["message"]
    assert "forbidden" not in log.read_text().lower()
