"""The pod template that all children share: restricted, without any identity of its own.

It passes Pod Security "restricted": no root, no capability, no privilege to gain, a read-only root,
and no service-account token. What may be written is a sized emptyDir at /scratch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from oremill import names, quantity
from oremill.plans.children import Manifest
from oremill.settings import Resources, Settings
from oremill.specs.common import Pod
from oremill.stage import Stage

_USER = 65532  # "nonroot" of the usual base images
_READABLE = 0o440  # by the pod's group


@dataclass(frozen=True)
class Container:
    """What differs between the pods of a stage."""

    image: str
    command: tuple[str, ...]
    size: Resources
    env: tuple[Manifest, ...] = ()
    ports: tuple[tuple[str, int], ...] = ()
    mounts: tuple[tuple[Manifest, str], ...] = ()  # (volume, path)
    resources: Mapping[str, str] | None = None  # further limits: GPUs, RDMA
    probe_port: int | None = None  # ready once this port accepts connections


def module(name: str) -> tuple[str, ...]:
    """Return the command that runs a module; a path would put its folder before the stdlib."""
    return ("python3", "-m", name)


def sized(default: Resources, own: Pod) -> Resources:
    """Return a pod's size: the stage's own where it says one; its cpu is request and limit."""
    given: dict[str, str | None] = own.model_dump(
        include={"cpu", "memory", "scratch"}, exclude_none=True
    )
    if "cpu" in given:
        given["cpu_limit"] = None
    return default.model_copy(update=given)


def cores(size: Resources) -> int:
    """Return the CPU cores that a pod may use, rounded up."""
    return ceil(quantity.value(size.cpu_limit or size.cpu))


def env(**variables: str) -> tuple[Manifest, ...]:
    """Return environment variables."""
    return tuple({"name": name, "value": value} for name, value in variables.items())


def from_pod(name: str, path: str) -> Manifest:
    """Return an environment variable with a field of the pod itself."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def order_volume(name: str) -> tuple[Manifest, str]:
    """Return the mount of spec.json."""
    return {"name": "order", "configMap": {"name": name, "defaultMode": 0o444}}, names.SPEC_DIR


def storage_volumes(stage: Stage, settings: Settings) -> tuple[tuple[Manifest, str], ...]:
    """Return the mounts of the user's Secret, and of the certificate authority if one is named."""
    chosen = settings.storage.over(stage.spec.storage)
    keys = [{"key": key, "path": key} for key in ("accessKey", "secretKey")]
    secret = {"secretName": chosen.secret_name, "items": keys, "defaultMode": _READABLE}
    mounts: list[tuple[Manifest, str]] = [
        ({"name": "storage", "secret": secret}, names.STORAGE_SECRET_DIR)
    ]
    if chosen.ca_name:
        authority = {"name": chosen.ca_name, "items": [{"key": "ca.crt", "path": "ca.crt"}]}
        folder = names.STORAGE_CA_FILE.rpartition("/")[0]
        mounts.append(({"name": "authority", "configMap": authority}, folder))
    return tuple(mounts)


def token_volume(
    secret_name: str, file: str = names.SANDBOX_TOKEN_FILE, name: str = "sandbox-token"
) -> tuple[Manifest, str]:
    """Return the mount of a token at `file`, whose name is the Secret's key."""
    folder, _, key = file.rpartition("/")
    secret = {
        "secretName": secret_name,
        "items": [{"key": key, "path": key}],
        "defaultMode": _READABLE,
    }
    return {"name": name, "secret": secret}, folder


def shm_volume(size: str) -> tuple[Manifest, str]:
    """Return a memory-backed /dev/shm: ranks of one pod exchange tensors through it."""
    return {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": size}}, "/dev/shm"


def template(
    stage: Stage, settings: Settings, marks: Mapping[str, str], box: Container, **spec: Any
) -> Manifest:
    """Return a pod template; `spec` adds fields to the pod's spec, None leaves one out."""
    scratch = {"name": "scratch", "emptyDir": {"sizeLimit": box.size.scratch}}
    mounts = ((scratch, names.SCRATCH_DIR), *box.mounts)
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "imagePullSecrets": [{"name": name} for name in settings.images.pull_secrets] or None,
        "containers": [_container(settings, box, mounts)],
        "volumes": [volume for volume, _ in mounts],
        **spec,
    }
    kept = {name: value for name, value in pod.items() if value is not None}
    notes = {names.ANNOTATION_OWNER: stage.key.name}
    return {"metadata": {"labels": dict(marks), "annotations": notes}, "spec": kept}


def _container(
    settings: Settings, box: Container, mounts: Sequence[tuple[Manifest, str]]
) -> Manifest:
    sizes = {"cpu": box.size.cpu, "memory": box.size.memory, **(box.resources or {})}
    places = {name: names.SCRATCH_DIR for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    found: Manifest = {
        "name": "main",
        "image": box.image,
        "imagePullPolicy": settings.images.pull_policy,
        "command": list(box.command),
        "env": [*env(**places, PYTHONUNBUFFERED="1"), *box.env],
        "resources": {
            "requests": sizes,
            "limits": {**sizes, "cpu": box.size.cpu_limit or box.size.cpu},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": names.TERMINATION_LOG,
        # A process that dies without a word leaves the end of its log instead.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": volume["name"], "mountPath": path} | _read_only(volume)
            for volume, path in mounts
        ],
    }
    if box.ports:
        found["ports"] = [
            {"name": name, "containerPort": port, "protocol": "TCP"} for name, port in box.ports
        ]
    if box.probe_port is not None:
        found["readinessProbe"] = {"tcpSocket": {"port": box.probe_port}, "periodSeconds": 2}
    return found


def _read_only(volume: Manifest) -> Manifest:
    return {} if "emptyDir" in volume else {"readOnly": True}
