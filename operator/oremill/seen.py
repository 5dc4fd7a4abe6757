"""What was observed around a stage: children, inputs, gates; read once, then asked questions.

Raw API objects end here: the five fields that matter are parsed, and nothing else of a body travels
further. Every class is built by a pure function from a body, so that tests need no cluster.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from oremill import names
from oremill.specs.artifact import Artifact, Input, Outcome, Progress
from oremill.specs.common import Gate
from oremill.stage import Key, Reference, read_status

Body = Mapping[str, Any]
# Reasons by which kubelet, scheduler and node controllers end a pod through no fault of its own.
_DISRUPTIONS = {"Evicted", "Preempting", "Preempted", "NodeLost", "NodeShutdown", "Terminated"}
_DISK = re.compile(r"exceeds the limit|exceeds? the total limit|ephemeral.storage usage exceeds")


@dataclass(frozen=True)
class PodSeen:
    """A pod of the stage."""

    name: str
    role: str
    job: str  # name of its Job; empty for sandboxes
    index: int  # completion index = node rank
    phase: str  # Pending, Running, Succeeded, Failed
    deleting: bool
    ready: bool
    ip: str
    exit_code: int | None
    ended: str  # the container's reason: Completed, Error, OOMKilled ...
    outcome: Outcome | None
    tail: str  # the termination message when it is no Outcome: the log's last lines
    disrupted: bool  # evicted, preempted, node lost
    disk_full: bool
    unschedulable: str  # the scheduler's words
    waiting: str  # the container's reason: ImagePullBackOff, CreateContainerConfigError ...
    waiting_message: str
    restarts: int  # of the container, in place; steps never restart so
    sources: Mapping[str, str]  # volume -> name of the Secret or ConfigMap that it mounts

    @property
    def alive(self) -> bool:
        """Whether a process of it may still run."""
        return self.phase in ("Pending", "Running", "Unknown")

    @classmethod
    def of(cls, body: Body) -> "PodSeen":
        """Parse a pod."""
        meta, status = body["metadata"], body.get("status") or {}
        labels = meta.get("labels") or {}
        container: Body = next(iter(status.get("containerStatuses") or ()), {})
        state = container.get("state") or {}
        ended = state.get("terminated") or {}
        disk = bool(_DISK.search(status.get("message") or ""))
        return cls(
            name=meta["name"],
            role=labels.get(names.LABEL_ROLE, ""),
            job=labels.get("batch.kubernetes.io/job-name", ""),
            index=int(labels.get("batch.kubernetes.io/job-completion-index", 0)),
            phase=status.get("phase", "Pending"),
            deleting="deletionTimestamp" in meta,
            ready=_condition(status, "Ready").get("status") == "True",
            ip=status.get("podIP", ""),
            exit_code=ended.get("exitCode"),
            ended=ended.get("reason", ""),
            outcome=_outcome(ended.get("message", "")),
            tail=ended.get("message", ""),
            disrupted=_disrupted(status) and not disk,
            disk_full=disk,
            unschedulable=_unschedulable(status),
            waiting=(state.get("waiting") or {}).get("reason", ""),
            waiting_message=_waiting_message(container),
            restarts=container.get("restartCount", 0),
            sources=_sources(body.get("spec") or {}),
        )


@dataclass(frozen=True)
class JobSeen:
    """A batch/v1 Job of the stage."""

    name: str
    uid: str
    role: str
    run: str
    attempt: int
    key: str
    episode: str
    digest: str
    applied: str  # hash of the spec that was applied
    deleting: bool
    suspended: bool
    succeeded: bool
    failed: bool
    why_failed: str  # the Job controller's reason: DeadlineExceeded, BackoffLimitExceeded ...
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether it may still start pods."""
        return not (self.succeeded or self.failed or self.deleting)

    @classmethod
    def of(cls, body: Body) -> "JobSeen":
        """Parse a Job."""
        meta, status = body["metadata"], body.get("status") or {}
        labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
        complete, failed = _condition(status, "Complete"), _condition(status, "Failed")
        over = complete if complete.get("status") == "True" else failed
        return cls(
            name=meta["name"],
            uid=meta["uid"],
            role=labels.get(names.LABEL_ROLE, ""),
            run=labels.get(names.LABEL_RUN, ""),
            attempt=int(labels.get(names.LABEL_ATTEMPT, 0)),
            key=notes.get(names.ANNOTATION_KEY, ""),
            episode=notes.get(names.ANNOTATION_EPISODE, ""),
            digest=notes.get(names.ANNOTATION_DIGEST, ""),
            applied=notes.get(names.ANNOTATION_APPLIED, ""),
            deleting="deletionTimestamp" in meta,
            suspended=bool((body.get("spec") or {}).get("suspend")),
            succeeded=complete.get("status") == "True",
            failed=failed.get("status") == "True",
            why_failed=failed.get("reason", ""),
            started_at=_time(status.get("startTime")),
            finished_at=_time(over.get("lastTransitionTime")),
        )


@dataclass(frozen=True)
class PoolSeen:
    """A Deployment of sandboxes."""

    name: str
    wanted: int
    ready: int

    @classmethod
    def of(cls, body: Body) -> "PoolSeen":
        """Parse a Deployment."""
        ready = (body.get("status") or {}).get("readyReplicas", 0)
        return cls(body["metadata"]["name"], (body.get("spec") or {}).get("replicas", 1), ready)


@dataclass(frozen=True)
class InputSeen:
    """An object that the spec refers to."""

    reference: Reference
    exists: bool
    failed: str  # message of its Failed condition
    artifact: Artifact | None  # only when Complete for its current generation
    current: bool = True  # its status speaks of its spec as it is now

    @classmethod
    def of(cls, reference: Reference, body: Body | None) -> "InputSeen":
        """Parse a custom resource, None when there is none of that name."""
        if body is None:
            return cls(reference, False, "", None)
        failed = _condition(body.get("status") or {}, "Failed")
        current = _is_current(body)
        artifact = read_status(body).artifact if current and _is_complete(body) else None
        return cls(
            reference=reference,
            exists=True,
            failed=failed.get("message", "failed") if current and _true(failed) else "",
            artifact=Artifact.model_validate(artifact.model_dump()) if artifact else None,
            current=current,
        )

    @property
    def in_the_making(self) -> bool:
        """Whether it is known to have no artifact for what its spec asks now."""
        return self.exists and self.current and self.artifact is None

    @property
    def input(self) -> Input | None:
        """The input as orders and digests name it, once it is there."""
        if self.artifact is None:
            return None
        ref = self.reference
        return Input(
            name=ref.field, kind=ref.kind, uri=self.artifact.uri, digest=self.artifact.digest
        )


@dataclass(frozen=True)
class GateSeen:
    """A gate of the spec, and the EvalJob's value."""

    gate: Gate
    exists: bool
    value: float | None  # None: not evaluated yet, or no such metric
    known: tuple[str, ...] = ()  # metrics that a Complete EvalJob has

    @classmethod
    def of(cls, gate: Gate, body: Body | None) -> "GateSeen":
        """Parse the EvalJob, None when there is none of that name."""
        if body is None:
            return cls(gate, False, None)
        if not (_is_current(body) and _is_complete(body)):
            return cls(gate, True, None)
        results = {item.name: item.value for item in read_status(body).results}
        found = results.get(gate.metric)
        return cls(gate, True, float(found) if found is not None else None, tuple(results))

    @property
    def open(self) -> bool:
        """Whether the stage may pass."""
        return self.value is not None and self.value >= self.gate.at_least


@dataclass(frozen=True)
class Seen:
    """Everything around one stage at one moment."""

    now: datetime
    inputs: tuple[InputSeen, ...] = ()
    gates: tuple[GateSeen, ...] = ()
    jobs: tuple[JobSeen, ...] = ()
    pods: tuple[PodSeen, ...] = ()
    pools: tuple[PoolSeen, ...] = ()
    progress: Progress | None = None
    circle: tuple[Key, ...] = ()  # the way over what it waits for back to the stage itself
    # Name of a Job or pod -> text of its last warning event; read only for what is stuck.
    warnings: Mapping[str, str] = field(default_factory=dict)

    def job(self, name: str) -> JobSeen | None:
        """Return a Job by name."""
        return next((job for job in self.jobs if job.name == name), None)

    def pods_of(self, job: JobSeen) -> list[PodSeen]:
        """Return the pods of a Job, by rank."""
        return sorted((pod for pod in self.pods if pod.job == job.name), key=lambda pod: pod.index)

    def steps(self, run: str) -> dict[int, JobSeen]:
        """Return the step Jobs of a run by attempt."""
        return {
            job.attempt: job
            for job in self.jobs
            if job.role == names.ROLE_STEP and job.run == run and not job.deleting
        }

    def lingering(self) -> list[str]:
        """Return step pods that may still write, though their Job is gone, over or going."""
        active = {job.name for job in self.jobs if job.active}
        return [
            pod.name
            for pod in self.pods
            if pod.role == names.ROLE_STEP and pod.alive and pod.job not in active
        ]


def _is_current(body: Body) -> bool:
    observed = (body.get("status") or {}).get("observedGeneration")
    return bool(observed == body["metadata"]["generation"])


def _is_complete(body: Body) -> bool:
    return _true(_condition(body.get("status") or {}, "Complete"))


def _true(condition: Body) -> bool:
    return condition.get("status") == "True"


def _condition(status: Body, wanted: str) -> Body:
    found = (item for item in status.get("conditions") or () if item["type"] == wanted)
    return next(found, {})


def _disrupted(status: Body) -> bool:
    target = _condition(status, "DisruptionTarget")
    return _true(target) or status.get("reason") in _DISRUPTIONS


def _unschedulable(status: Body) -> str:
    scheduled = _condition(status, "PodScheduled")
    waits = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    return str(scheduled.get("message", "")) if waits else ""


def _waiting_message(container: Body) -> str:
    """Return why a container waits; one that crashed says more by the end of its log."""
    message = ((container.get("state") or {}).get("waiting") or {}).get("message", "")
    before = ((container.get("lastState") or {}).get("terminated") or {}).get("message", "")
    last = before.strip().splitlines()[-1:]
    return "; its last words: ".join([message, *last])


def _sources(spec: Body) -> dict[str, str]:
    found = {}
    for volume in spec.get("volumes") or ():
        for source, named in (("secret", "secretName"), ("configMap", "name")):
            if source in volume:
                found[volume["name"]] = volume[source].get(named, "")
    return found


def _outcome(message: str) -> Outcome | None:
    try:
        return Outcome.model_validate_json(message) if message else None
    except ValidationError:
        return None


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
