"""What the tests of the operator do in a namespace: create, let pods answer, look."""

import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from oremill import names
from tests.api_server import ApiServer
from tests.operator_world import (
    Body,
    Client,
    Place,
    outcome,
)

ROOT = Path(__file__).parents[1]
SPECS: dict[str, dict[str, Any]] = {
    kind: yaml.safe_load((ROOT / f"examples/{word}.yaml").read_text())["spec"]
    for kind, word in names.WORDS.items()
}
CORPUS = SPECS["DataCorpus"]
STEP_DIGEST = "d" * 64
_numbers = count()


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


def warn(place: Place, pod: Body, message: str) -> None:
    """Post the warning of a kubelet that cannot start a pod."""
    about = {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": place.namespace}
    place.create(
        "Event",
        "mount",
        metadata={"namespace": place.namespace},
        involvedObject=about,
        type="Warning",
        reason="FailedMount",
        message=message,
        lastTimestamp="2026-01-01T00:00:00Z",
    )


def order_of(place: Place, pod: Body) -> Body:
    volume = next(item for item in pod["spec"]["volumes"] if item["name"] == "order")
    found = place.get("ConfigMap", volume["configMap"]["name"])
    assert found is not None
    order: Body = json.loads(found["data"]["spec.json"])
    return order


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


def holder_of(place: Place) -> str:
    lease = place.get("Lease", "standby-test")
    return str(lease["spec"].get("holderIdentity", "")) if lease else ""


def read(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
        return str(answer.read().decode())
