"""What every child has: a deterministic name, labels by which it is found, and its owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oremill import names
from oremill.settings import Settings
from oremill.specs.artifact import Input, Order
from oremill.stage import Stage, fingerprint

Manifest = dict[str, Any]

# Fields that the operator obeys and the step does not: changing one restarts no pod.
_LIFECYCLE = {
    "suspend", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "failurePolicy",
    "deletionPolicy", "queueName", "requires",
}  # fmt: skip


@dataclass(frozen=True)
class Child:
    """The name of a child, for deletion."""

    api_version: str
    kind: str
    name: str


def labels(stage: Stage, role: str, run: str = "", attempt: int | None = None) -> dict[str, str]:
    """Return the labels of a child and of its pods."""
    found = {
        names.LABEL_MANAGED_BY: "oremill",
        names.LABEL_KIND: stage.kind,
        names.LABEL_OWNER: names.shortened(stage.key.name),
        names.LABEL_OWNER_UID: stage.uid,
        names.LABEL_ROLE: role,
    }
    if run:
        found[names.LABEL_RUN] = run
    if attempt is not None:
        found[names.LABEL_ATTEMPT] = str(attempt)
    return found


def manifest(
    api_version: str, kind: str, stage: Stage, name: str, marks: Mapping[str, str], **body: Any
) -> Manifest:
    """Return a child with its owner, so that it goes when the stage goes."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": stage.key.namespace,
            "labels": dict(marks),
            "annotations": {names.ANNOTATION_OWNER: stage.key.name},
            "ownerReferences": [_owner(stage)],
        },
        **body,
    }


def _owner(stage: Stage) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": stage.kind,
        "name": stage.key.name,
        "uid": stage.uid,
        "controller": True,
        # True would need the right to update finalizers on clusters that enforce it.
        "blockOwnerDeletion": False,
    }


def order(
    stage: Stage,
    settings: Settings,
    role: str,
    inputs: tuple[Input, ...],
    digest: str = "",
    attempt: int = 0,
    sandbox_url: str = "",
) -> Order:
    """Return what a pod is told to do."""
    return Order(
        kind=stage.kind,
        namespace=stage.key.namespace,
        name=stage.key.name,
        uid=stage.uid,
        generation=stage.generation,
        attempt=attempt,
        role=role,
        spec=dict(stage.given),
        inputs=list(inputs),
        digest=digest,
        storage=stage.target(settings),
        sandbox_url=sandbox_url,
    )


def config_map(stage: Stage, name: str, marks: Mapping[str, str], what: Order) -> Manifest:
    """Return the ConfigMap with spec.json."""
    data = {"spec.json": what.model_dump_json(by_alias=True, indent=1)}
    return manifest("v1", "ConfigMap", stage, name, marks, data=data)


def obeyed(what: Order) -> str:
    """Return the hash of the order's part that the step obeys; pods carry it as annotation."""
    spec = {name: value for name, value in what.spec.items() if name not in _LIFECYCLE}
    return fingerprint([spec, what.storage.model_dump(), what.digest, what.sandbox_url])
