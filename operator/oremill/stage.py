"""A custom resource as the operator reads it: typed once, then asked questions.

A `Stage` is one object of the six kinds. What surrounds it (children, inputs) is in `oremill.seen`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from oremill import names
from oremill.settings import Settings
from oremill.specs import JobSpec, parse
from oremill.specs.artifact import RECIPES, Input, StorageTarget, shaping
from oremill.specs.common import CorpusRef, Ref, TokenizerRef
from oremill.specs.status import Condition, JobStatus

_REF_KINDS = {CorpusRef: "DataCorpus", TokenizerRef: "TokenizerJob"}


@dataclass(frozen=True)
class Key:
    """What names an object of the cluster."""

    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Key":
        """Return the key of a custom resource."""
        meta = body["metadata"]
        return cls(body["kind"], meta["namespace"], meta["name"])


@dataclass(frozen=True)
class Reference:
    """A field of a spec that names another object of the same namespace."""

    field: str  # corpusRef, models[0] ...
    kind: str
    name: str


@dataclass(frozen=True)
class Stage:
    """One object of the six kinds."""

    key: Key
    uid: str
    generation: int
    resource_version: str
    spec: JobSpec
    given: Mapping[str, Any]  # .spec as the API server stores it
    status: JobStatus
    retry: str  # value of the annotation oremill.dev/retry
    finalizers: tuple[str, ...]
    deleting: datetime | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Stage":
        """Return the typed object.

        Raises:
            InvalidSpec: the spec is not allowed; the message says which field.
        """
        meta = body["metadata"]
        deleting = meta.get("deletionTimestamp")
        return cls(
            key=Key.of(body),
            uid=meta["uid"],
            generation=meta["generation"],
            resource_version=meta["resourceVersion"],
            spec=parse(body["kind"], body.get("spec", {})),
            given=body.get("spec", {}),
            status=read_status(body),
            retry=(meta.get("annotations") or {}).get(names.ANNOTATION_RETRY, ""),
            finalizers=tuple(meta.get("finalizers") or ()),
            deleting=datetime.fromisoformat(deleting) if deleting else None,
        )

    @property
    def kind(self) -> str:
        """The kind, as the user writes it."""
        return self.key.kind

    @property
    def word(self) -> str:
        """The word by which files, buckets and labels know the kind."""
        return names.WORDS[self.key.kind]

    @property
    def episode(self) -> str:
        """The scope of the failure counter: a changed spec or a retry starts it anew."""
        return f"{self.generation}/{self.retry}"

    def child(self, *parts: str) -> str:
        """Return the name of a child."""
        return names.child(self.key.name, self.key.kind, *parts)

    def holds(self, wanted: str) -> Condition | None:
        """Return a condition of the status that was last written, if it is True."""
        found = (item for item in self.status.conditions if item.type == wanted)
        return next((item for item in found if item.status == "True"), None)

    def target(self, settings: Settings) -> StorageTarget:
        """Return the bucket of this stage."""
        chosen = settings.storage.over(self.spec.storage)
        return StorageTarget.model_validate(chosen.model_dump())

    def run_key(self, inputs: list[Input], settings: Settings) -> str:
        """Return the ten digits that name what is asked for: spec, inputs, bucket, retry.

        The artifact's digest cannot play this part: objects of the bucket belong to it, and only a
        pod with the user's Secret can list them.
        """
        asked = {
            "kind": self.kind,
            "recipe": RECIPES[self.kind],
            "spec": shaping(self.spec),
            "inputs": sorted((item.name, item.digest) for item in inputs),
            "storage": self.target(settings).model_dump(),
            "retry": self.retry,
        }
        return fingerprint(asked)


def read_status(body: Mapping[str, Any]) -> JobStatus:
    """Return the object's status; one that no release of ours wrote counts as empty."""
    try:
        return JobStatus.model_validate(body.get("status") or {})
    except ValidationError:
        return JobStatus()


def references(spec: JobSpec) -> Iterator[Reference]:
    """Yield the artifacts that a spec is made from, in the order of its fields."""
    for name, info in type(spec).model_fields.items():
        value = getattr(spec, name)
        field = info.alias or name
        if isinstance(value, Ref):
            yield Reference(field, _ref_kind(value), value.name)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Ref):
                    yield Reference(f"{field}[{index}]", _ref_kind(item), item.name)


def _ref_kind(ref: Ref) -> str:
    return _REF_KINDS.get(type(ref)) or str(getattr(ref, "kind", ""))


def fingerprint(value: Any) -> str:
    """Return ten digits of the hash of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(text.encode()).hexdigest()[:10]
