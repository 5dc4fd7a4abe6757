"""A world for the operator: a real API server, the real controllers, and a test as the kubelet.

The Job, Deployment and garbage-collector controllers are Kubernetes' own. No node exists, so no
process runs: a test writes what a kubelet would write into a pod's status.
"""

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from oremill import names
from tests.api_server import ApiServer

ROOT = Path(__file__).parents[1]
Body = dict[str, Any]
_CONTROLLERS = (
    "job-controller,garbage-collector-controller,deployment-controller,replicaset-controller,"
    "resourcequota-controller,namespace-controller"
)
_PATIENCE = 15.0  # seconds until a wait fails; a look takes milliseconds, a busy machine seconds
_PATHS = {
    "ConfigMap": "api/v1", "Secret": "api/v1", "Service": "api/v1", "Pod": "api/v1",
    "Event": "api/v1", "ResourceQuota": "api/v1", "Job": "apis/batch/v1",
    "Deployment": "apis/apps/v1", "NetworkPolicy": "apis/networking.k8s.io/v1",
    "Lease": "apis/coordination.k8s.io/v1",
    **{kind: f"apis/{names.API_VERSION}" for kind in names.KINDS},
}  # fmt: skip
_PLURALS = {"NetworkPolicy": "networkpolicies", **names.PLURALS}


class Client:
    """The administrator's API client."""

    def __init__(self, api: ApiServer) -> None:
        self.url = api.server.url
        self.config = yaml.safe_load(api.server.kubeconfig.read_text())
        self._context = ssl.create_default_context(cadata=self._data("clusters", 0, "cluster"))
        with tempfile.NamedTemporaryFile() as pem:
            user = self.config["users"][0]["user"]
            for key in ("client-certificate-data", "client-key-data"):
                pem.write(base64.b64decode(user[key]))
            pem.flush()
            self._context.load_cert_chain(pem.name)

    def _data(self, part: str, index: int, kind: str) -> str:
        encoded = self.config[part][index][kind]["certificate-authority-data"]
        return base64.b64decode(encoded).decode()

    def call(self, verb: str, path: str, body: Body | None = None, patch: str = "merge") -> Body:
        """Send one request and return the answer; an error of HTTP is raised."""
        content = f"application/{patch}-patch+json" if verb == "PATCH" else "application/json"
        request = urllib.request.Request(
            f"{self.url}/{path}",
            method=verb,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": content},
        )
        with urllib.request.urlopen(request, context=self._context, timeout=20) as answer:
            found: Body = json.load(answer)
            return found


@dataclass
class Place:
    """A namespace, and what a test does in it."""

    client: Client
    namespace: str

    def path(self, kind: str, name: str = "", sub: str = "") -> str:
        """Return the path of a kind, of an object, or of its subresource."""
        plural = _PLURALS.get(kind, f"{kind.lower()}s")
        parts = (_PATHS[kind], "namespaces", self.namespace, plural, name, sub)
        return "/".join(part for part in parts if part)

    def create(self, kind: str, name: str, spec: Body | None = None, **fields: Any) -> Body:
        """Create an object."""
        version = _PATHS[kind].partition("/")[2]
        meta = {"name": name, **fields.pop("metadata", {})}
        body = {"apiVersion": version, "kind": kind, "metadata": meta, **fields}
        if spec is not None:
            body["spec"] = spec
        return self.client.call("POST", self.path(kind), body)

    def get(self, kind: str, name: str) -> Body | None:
        """Return an object, None when there is none."""
        try:
            return self.client.call("GET", self.path(kind, name))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind: str, /, **labels: str) -> list[Body]:
        """Return objects that have the labels (role, run, attempt of names.py)."""
        found = self.client.call("GET", self.path(kind))["items"]
        wanted = {f"{names.GROUP}/{name}": value for name, value in labels.items()}
        return [
            item for item in found if wanted.items() <= item["metadata"].get("labels", {}).items()
        ]

    def patch(self, kind: str, name: str, patch: Body, sub: str = "") -> Body:
        """Merge a patch."""
        return self.client.call("PATCH", self.path(kind, name, sub), patch)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, its dependants in the background."""
        self.client.call("DELETE", self.path(kind, name), {"propagationPolicy": "Background"})

    def status(self, kind: str, name: str) -> Body:
        """Return an object's status, empty when it has none."""
        found = self.get(kind, name)
        return (found or {}).get("status") or {}

    def condition(self, kind: str, name: str, wanted: str) -> Body:
        """Return a condition of a custom resource, empty when it has none."""
        found = self.status(kind, name).get("conditions") or []
        return next((item for item in found if item["type"] == wanted), {})

    def until(self, what: str, ready: Callable[[], Any], seconds: float = _PATIENCE) -> Any:
        """Wait until `ready()` is true, and return it."""
        end = time.monotonic() + seconds
        while True:
            found = ready()
            if found:
                return found
            assert time.monotonic() < end, f"{what}: not within {seconds} s; {self.describe()}"
            time.sleep(0.1)

    def describe(self) -> str:
        """Return the statuses and children of the namespace, for a failed wait."""
        lines = []
        for kind in names.KINDS:
            for item in self.list(kind):
                lines.append(f"{kind} {item['metadata']['name']}: {item.get('status')}")
        for kind in ("Job", "Pod"):
            lines += [f"{kind} {item['metadata']['name']}" for item in self.list(kind)]
        return "\n".join(lines)

    def until_reason(self, kind: str, name: str, reason: str, seconds: float = _PATIENCE) -> Body:
        """Wait until `status.reason` is `reason`, and return the status."""

        def ready() -> Body | None:
            status = self.status(kind, name)
            return status if status.get("reason") == reason else None

        found: Body = self.until(f"{kind} {name} is {reason}", ready, seconds)
        return found

    # What a kubelet does.

    def pod_of(self, role: str, **labels: str) -> Body:
        """Wait for the one pod of a role that has not ended, and return it."""

        def ready() -> Body | None:
            pods = [
                pod
                for pod in self.list("Pod", role=role, **labels)
                if pod["status"].get("phase") in ("Pending", "Running")
                and "deletionTimestamp" not in pod["metadata"]
            ]
            assert len(pods) < 2, [pod["metadata"]["name"] for pod in pods]
            return pods[0] if pods else None

        found: Body = self.until(f"a pod of role {role} {labels}", ready)
        return found

    def run(self, pod: Body, ip: str = "127.0.0.1") -> None:
        """Let a pod run."""
        self._write(
            pod,
            {"running": {"startedAt": _now()}},
            phase="Running",
            podIP=ip,
            podIPs=[{"ip": ip}],
            conditions=[{"type": "Ready", "status": "True"}],
        )

    def end(self, pod: Body, code: int, message: Any = "", reason: str = "") -> None:
        """End a pod with an exit code and a termination message."""
        text = message if isinstance(message, str) else json.dumps(message)
        ended = {
            "exitCode": code,
            "reason": reason or ("Completed" if code == 0 else "Error"),
            "message": text,
            "startedAt": _now(),
            "finishedAt": _now(),
        }
        self._write(pod, {"terminated": ended}, phase="Failed" if code else "Succeeded")

    def wait_in(self, pod: Body, reason: str, message: str) -> None:
        """Let a pod's container wait for a reason."""
        self._write(pod, {"waiting": {"reason": reason, "message": message}}, phase="Pending")

    def _write(self, pod: Body, state: Body, **status: Any) -> None:
        container = {
            "name": "main",
            "image": "x",
            "imageID": "x",
            "ready": "running" in state,
            "restartCount": 0,
            "state": state,
        }
        body = {"status": {**status, "containerStatuses": [container]}}
        self.patch("Pod", pod["metadata"]["name"], body, "status")


@dataclass
class Operator:
    """The operator's process."""

    environment: dict[str, str]
    log: Path
    arguments: tuple[str, ...]
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Start it; the log of earlier processes is kept."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kopf", "run", "-m", "oremill.handlers", *self.arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill it as a lost node would: no time to clean up."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end, and return its exit code; one that does not is killed."""
        assert self.process is not None
        if self.process.poll() is not None:
            return self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def running(operator: Operator) -> Iterator[Operator]:
    """Run an operator until the end of the block."""
    operator.start()
    try:
        yield operator
    finally:
        operator.stop()


@contextmanager
def controllers(api: ApiServer, folder: Path) -> Iterator[None]:
    """Run Kubernetes' own controllers of Jobs, Deployments, owners and quota."""
    with (folder / "controllers.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(api.server.bin / "kube-controller-manager"),
                f"--kubeconfig={api.server.kubeconfig}",
                f"--controllers={_CONTROLLERS}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def operator(kubeconfig: Path, folder: Path, *arguments: str, **variables: str) -> Operator:
    """Return an operator with ports of its own, not yet started."""
    folder.mkdir(exist_ok=True)
    settings = folder / "settings.json"
    settings.write_text(
        json.dumps(
            {
                "metricsPort": free_port(),
                "healthPort": free_port(),
                "progressSeconds": 1,
                "resyncSeconds": 10,
            }
        )
    )
    (folder / "key").write_bytes(b"a key of the test")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "operator"),
        "KUBECONFIG": str(kubeconfig),
        names.ENV_SETTINGS: str(settings),
        names.ENV_KEY_FILE: str(folder / "key"),
        **variables,
    }
    return Operator(environment, folder / "operator.log", ("--standalone", *arguments))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def outcome(status: str, uri: str = "", digest: str = "d" * 64, **fields: Any) -> Body:
    """Return a termination message."""
    found = {"status": status, "digest": digest, **fields}
    if uri:
        found["artifact"] = {"uri": uri, "digest": digest, "bytes": 7, "createdAt": _now()}
    return found


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
