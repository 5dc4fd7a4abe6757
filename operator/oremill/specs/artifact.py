"""The artifact of a stage: its digest, its manifest, and what travels between operator and pods.

An artifact is a folder of the bucket, `<prefix>/<namespace>/<kind>/<name>/<digest>/`, in which
`manifest.json` is written last. The digest names the result before it exists: the kind, the
fields that shape it, the digests of its inputs, and the recipe version. So an unchanged stage is
reused, and one that runs elsewhere, or with another number of workers, is still the same stage.
"""

import json
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from oremill.names import REPORT
from oremill.specs.common import JobSpec, Model, _Placement

# Raised by hand when the result of a kind changes for the same spec, by a changed default too.
RECIPES: dict[str, int] = {
    "DataCorpus": 3,
    "TokenizerJob": 2,
    "PretrainJob": 1,
    "SFTJob": 1,
    "RLEFJob": 1,
    "EvalJob": 1,
}


class Record(BaseModel):
    """JSON that our own programs exchange: camelCase, unknown fields ignored for older readers."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )


class Input(Record):
    """An input of a stage, by digest: another artifact, or objects of the bucket."""

    name: str  # the spec's field: corpusRef, modelRef, models[0], sources[0].archives ...
    kind: str = ""  # DataCorpus ...; empty for objects of the bucket
    uri: str
    digest: str


class Artifact(Record):
    """Where a stage's result is, and from what it was made (status.artifact)."""

    uri: str
    digest: str
    bytes: int = 0
    created_at: str = ""
    report: str = ""  # address of the page for people, where the stage makes one
    inputs: list[Input] = Field(default=[])


class File(Record):
    """A file of an artifact."""

    path: str
    sha256: str
    bytes: int


class Manifest(Record):
    """manifest.json: the truth about an artifact. No manifest, no artifact."""

    kind: str
    namespace: str
    name: str
    digest: str
    created_at: str
    recipe: int
    spec: dict[str, Any]  # the fields that shaped the result
    inputs: list[Input] = Field(default=[])
    files: list[File] = Field(default=[])
    versions: dict[str, str] = Field(default={})  # library -> version
    counters: dict[str, Any] = Field(default={})
    results: dict[str, float | int | str] = Field(
        default={}
    )  # headline numbers, as in status.results
    command: list[str] = Field(default=[])

    def artifact(self, uri: str) -> Artifact:
        """Return what status shows of this manifest."""
        return Artifact(
            uri=uri,
            digest=self.digest,
            bytes=sum(file.bytes for file in self.files),
            created_at=self.created_at,
            report=f"{uri}/{REPORT}" if any(file.path == REPORT for file in self.files) else "",
            inputs=self.inputs,
        )


class StorageTarget(Record):
    """A resolved storage contract: spec.storage over the chart's default."""

    endpoint: str
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"


class Order(Record):
    """spec.json, mounted into every step pod: what to make, from what, and where to put it."""

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    attempt: int = 0
    role: str = "step"
    spec: dict[str, Any]  # the kind's whole spec, camelCase
    inputs: list[Input] = Field(
        default=[]
    )  # artifacts; the resolve step adds objects of the bucket
    digest: str = ""  # known once resolved; empty for the resolve step
    storage: StorageTarget
    sandbox_url: str = ""  # http://<service>:8080, for kinds that run code


class Outcome(Record):
    """The termination message of a pod, at most 4 KiB."""

    status: str  # done | found | missing | user | resumable | failed
    reason: str = ""  # from names.REASONS
    message: str = ""
    digest: str = ""
    artifact: Artifact | None = None
    results: dict[str, float | int | str] = Field(default={})


class Checkpointed(Record):
    """The newest complete checkpoint (status.lastCheckpoint)."""

    step: int
    uri: str
    time: str


class Progress(Record):
    """GET /progress of rank 0, and status.progress."""

    step: int = 0
    total: int = 0
    unit: str = ""  # files, bytes, steps, problems
    headline: str = ""  # one short number for people: "loss 1.83"
    resumed_from: int | None = None
    last_checkpoint: Checkpointed | None = None
    metrics: dict[str, float] = Field(default={})


def shaping(model: Model) -> dict[str, Any]:
    """Return the fields that shape the result: no placement, no default left at its value."""
    shown: dict[str, Any] = {}
    for name, info in type(model).model_fields.items():
        if any(isinstance(mark, _Placement) for mark in info.metadata):
            continue
        value = _plain(getattr(model, name))
        if info.is_required() or value != _plain(info.default):
            shown[info.alias or name] = value
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return shaping(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(value.items())}
    return value


def digest(kind: str, spec: JobSpec, inputs: list[Input]) -> str:
    """Return the 64 hexadecimal digits that name the result of `spec` made from `inputs`."""
    identity = {
        "kind": kind,
        "recipe": RECIPES[kind],
        "spec": shaping(spec),
        "inputs": sorted((item.name, item.digest) for item in inputs),
    }
    return sha256(json.dumps(identity, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
