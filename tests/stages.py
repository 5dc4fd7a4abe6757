"""Stages, Jobs and pods for tests of what is pure: bodies as the API server would give them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from oremill import names
from oremill.seen import InputSeen, JobSeen, PodSeen, Seen
from oremill.settings import Settings
from oremill.specs.artifact import Artifact, Input, Outcome
from oremill.stage import Stage, references

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UID = "11111111-2222-3333-4444-555555555555"
DIGEST = "0123456789" * 6 + "abcd"
URI = f"s3://oremill/team/word/one/{DIGEST}"
SETTINGS = Settings()
KEY = b"the operator's key"
# Smallest specs, not the examples: those are tuned, and whole plans are compared.
SPECS: dict[str, dict[str, Any]] = {
    "DataCorpus": {"sources": [{"name": "code", "archives": {"prefix": "inputs/"}}]},
    "TokenizerJob": {"corpusRef": {"name": "corpus"}},
    "PretrainJob": {
        "corpusRef": {"name": "corpus"},
        "tokenizerRef": {"name": "tokenizer"},
        "tokens": "6M",
    },
    "SFTJob": {
        "modelRef": {"kind": "PretrainJob", "name": "base"},
        "sources": [{"key": "inputs/sft.jsonl"}],
    },
    "RLEFJob": {
        "modelRef": {"kind": "SFTJob", "name": "chat"},
        "problems": {"key": "inputs/train.jsonl"},
    },
    "EvalJob": {
        "models": [{"kind": "SFTJob", "name": "chat"}, {"kind": "RLEFJob", "name": "better"}],
        "benchmarks": [{"name": "humaneval"}],
    },
}
ARTIFACT = Artifact(
    uri=URI,
    digest=DIGEST,
    bytes=7,
    created_at="2026-01-02T00:00:00Z",
    report=f"{URI}/report.html",
)


def body(
    kind: str = "DataCorpus",
    status: dict[str, Any] | None = None,
    generation: int = 1,
    retry: str = "",
    **spec: Any,
) -> dict[str, Any]:
    """Return an object of the six kinds: the smallest, changed by `spec`."""
    meta: dict[str, Any] = {
        "name": "one",
        "namespace": "team",
        "uid": UID,
        "generation": generation,
        "resourceVersion": "1",
    }
    if retry:
        meta["annotations"] = {names.ANNOTATION_RETRY: retry}
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": meta,
        "spec": SPECS[kind] | spec,
        "status": status or {},
    }


def stage(kind: str = "DataCorpus", **fields: Any) -> Stage:
    """Return the typed object."""
    return Stage.of(body(kind, **fields))


def inputs(of: Stage) -> tuple[InputSeen, ...]:
    """Return all inputs of a stage as they are when they are Complete."""
    return tuple(InputSeen(item, True, "", ARTIFACT) for item in references(of.spec))


def run_key(of: Stage) -> str:
    """Return the run key of a stage whose inputs are complete."""
    ready: list[Input] = [item.input for item in inputs(of) if item.input]
    return of.run_key(ready, SETTINGS)


def resolved(of: Stage, status: str = "missing") -> tuple[JobSeen, PodSeen]:
    """Return the resolve Job and pod after the answer."""
    name = of.child("resolve", run_key(of))
    told = Outcome(status=status, digest=DIGEST, artifact=ARTIFACT)
    found = job(of, name, role=names.ROLE_RESOLVE, run=run_key(of), condition="Complete")
    return found, pod(found, "Succeeded", 0, told.model_dump_json(by_alias=True))


def step(of: Stage, attempt: int = 0, **fields: Any) -> JobSeen:
    """Return the step Job of an attempt."""
    name = of.child(names.run_label(DIGEST), f"a{attempt}")
    return job(of, name, run=names.run_label(DIGEST), attempt=attempt, **fields)


def job(
    of: Stage,
    name: str,
    role: str = names.ROLE_STEP,
    run: str = "",
    attempt: int = 0,
    condition: str = "",
    reason: str = "",
    episode: str = "",
    applied: str = "",
) -> JobSeen:
    """Return a Job; `condition` is Complete or Failed, empty while it is active."""
    over = {"type": condition, "status": "True", "reason": reason} | {
        "lastTransitionTime": "2026-01-02T03:04:00Z"
    }
    return JobSeen.of(
        {
            "metadata": {
                "name": name,
                "uid": f"uid-of-{name}",
                "labels": {
                    names.LABEL_ROLE: role,
                    names.LABEL_RUN: run,
                    names.LABEL_ATTEMPT: str(attempt),
                },
                "annotations": {
                    names.ANNOTATION_EPISODE: episode or of.episode,
                    names.ANNOTATION_KEY: run_key(of),
                    names.ANNOTATION_DIGEST: DIGEST if role == names.ROLE_STEP else "",
                    names.ANNOTATION_APPLIED: applied,
                },
            },
            "status": {"conditions": [over] if condition else []},
        }
    )


def pod(
    of: JobSeen,
    phase: str = "Running",
    code: int | None = None,
    told: str = "",
    ended: str = "",
    index: int = 0,
    deleting: bool = False,
    volumes: Sequence[dict[str, Any]] = (),
    **status: Any,
) -> PodSeen:
    """Return a pod of a Job."""
    over = {"exitCode": code, "reason": ended, "message": told}
    state: dict[str, Any] = {"running": {}} if code is None else {"terminated": over}
    meta: dict[str, Any] = {
        "name": f"{of.name}-{index}-x",
        "labels": {
            names.LABEL_ROLE: of.role,
            "batch.kubernetes.io/job-name": of.name,
            "batch.kubernetes.io/job-completion-index": str(index),
        },
    }
    if deleting:
        meta["deletionTimestamp"] = "2026-01-02T03:04:00Z"
    found = {"phase": phase, "containerStatuses": [{"state": state}], **status}
    return PodSeen.of({"metadata": meta, "spec": {"volumes": volumes}, "status": found})


def seen(of: Stage, *children: JobSeen | PodSeen, **fields: Any) -> Seen:
    """Return what surrounds a stage: complete inputs, and the children given."""
    return Seen(
        **{
            "now": NOW,
            "inputs": inputs(of),
            "jobs": tuple(item for item in children if isinstance(item, JobSeen)),
            "pods": tuple(item for item in children if isinstance(item, PodSeen)),
        }
        | fields
    )
