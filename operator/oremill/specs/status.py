"""The shape of `.status`, alike for all six kinds; `oremill.status` derives it."""

from typing import Annotated, Literal

from pydantic import Field

from oremill.specs.common import Model


class Condition(Model):
    """One aspect of the object's state."""

    type: Annotated[str, Field(max_length=64)]
    """Aspect: Accepted, InputsReady, Admitted, PodsReady, Progressing, ... (docs/operations.md)."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(max_length=64)]
    """Word of the closed list in docs/operations.md."""
    message: Annotated[str, Field(max_length=2048)] = ""
    """Sentence for people: what is the matter, and who must act."""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    """Generation of the spec that the condition speaks of."""
    last_transition_time: Annotated[str, Field(max_length=32)] = ""
    """When the status last changed."""


class Result(Model):
    """A number that the stage is judged by."""

    name: Annotated[str, Field(max_length=128)]
    """Name of the number, such as steplang/pass@1."""
    value: Annotated[str, Field(max_length=128)]
    """Value, as text: floating point numbers do not survive every client."""


class ArtifactInput(Model):
    """What the artifact was made from."""

    name: Annotated[str, Field(max_length=128)]
    """Field of the spec that named it."""
    kind: Annotated[str, Field(max_length=64)] = ""
    """Kind of the object that made it; empty for objects of the bucket."""
    uri: Annotated[str, Field(max_length=2048)]
    """Where it is."""
    digest: Annotated[str, Field(max_length=128)]
    """What it is."""


class ArtifactStatus(Model):
    """The stage's result in the bucket."""

    uri: Annotated[str, Field(max_length=2048)]
    """Folder of the artifact; manifest.json in it lists every file with its hash."""
    digest: Annotated[str, Field(max_length=128)]
    """Name of the result: kind, shaping fields, inputs and recipe version, hashed."""
    bytes: Annotated[int, Field(ge=0)] = 0
    """Size of all files."""
    created_at: Annotated[str, Field(max_length=32)] = ""
    """When the manifest was written."""
    report: Annotated[str, Field(max_length=2048)] = ""
    """Page for people, one HTML file of the artifact; empty where the stage makes none."""
    inputs: Annotated[list[ArtifactInput], Field(max_length=128)] = Field(default=[])
    """What it was made from."""


class ProgressStatus(Model):
    """How far the running step is."""

    step: Annotated[int, Field(ge=0)] = 0
    """Units done."""
    total: Annotated[int, Field(ge=0)] = 0
    """Units in all; 0 when not known."""
    unit: Annotated[str, Field(max_length=32)] = ""
    """What is counted."""
    text: Annotated[str, Field(max_length=64)] = ""
    """Progress for people, such as 42%."""


class CheckpointStatus(Model):
    """The newest complete checkpoint."""

    step: Annotated[int, Field(ge=0)]
    """Optimizer step after which it was saved."""
    uri: Annotated[str, Field(max_length=2048)]
    """Where it is."""
    time: Annotated[str, Field(max_length=32)]
    """When it was saved."""


class JobStatus(Model):
    """What was observed, for people and for the stages that wait."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    """Generation of the spec that this status speaks of."""
    phase: Annotated[str, Field(max_length=32)] = ""
    """One word: Pending, Waiting, Queued, Running, Suspended, Complete, Failed or Deleting."""
    reason: Annotated[str, Field(max_length=64)] = ""
    """Reason of the condition that decides the phase."""
    message: Annotated[str, Field(max_length=2048)] = ""
    """Message of the condition that decides the phase."""
    headline: Annotated[str, Field(max_length=128)] = ""
    """The number that matters most now."""
    progress: ProgressStatus = Field(default=ProgressStatus())
    """How far the running step is."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(default=[])
    """Aspects of the state."""
    attempt: Annotated[int, Field(ge=0)] = 0
    """Number of the current attempt, from 0."""
    restarts: Annotated[int, Field(ge=0)] = 0
    """Failures counted toward failurePolicy.maxRestarts."""
    last_checkpoint: CheckpointStatus | None = None
    """The newest complete checkpoint."""
    artifact: ArtifactStatus | None = None
    """The stage's result."""
    results: Annotated[list[Result], Field(max_length=64)] = Field(default=[])
    """Numbers that the stage is judged by."""
    effective: Annotated[dict[str, Annotated[str, Field(max_length=256)]], Field(max_length=64)] = (
        Field(default={})
    )
    """Values that were derived: a preset's sizes, the accumulation that a replica count gives."""
    started_at: Annotated[str, Field(max_length=32)] | None = None
    """When the first pod of this generation was planned."""
    finished_at: Annotated[str, Field(max_length=32)] | None = None
    """When the object became Complete or Failed."""
    run: Annotated[str, Field(max_length=64)] = ""
    """Short digest of the run that this status speaks of; counters start anew with it."""
    retried: Annotated[str, Field(max_length=256)] = ""
    """Value of the annotation oremill.dev/retry that was last obeyed."""
