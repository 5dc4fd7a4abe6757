"""Where a stage stands in its life: one pure decision, from which plans and status both follow.

    waiting (inputs, gates) → resolving (is the artifact there?) → running → complete | failed
                                                        suspended, from any of the first three

Nothing is read from the phase that status shows. Complete and Failed alone are remembered there,
bound to the run they speak of: else a deleted Job would bring a finished stage back to life. A
finished stage outlives the objects it was made from, but waits again while one of them is remade.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from oremill import names
from oremill.attempts import Blame, Cause, Course, cause, course, of_pod
from oremill.seen import GateSeen, InputSeen, JobSeen, PodSeen, Seen
from oremill.settings import Settings
from oremill.specs.artifact import Artifact, Input, Outcome, digest
from oremill.specs.status import Condition
from oremill.stage import Stage


class Phase(StrEnum):
    """What the stage is doing."""

    WAITING = "waiting"
    SUSPENDED = "suspended"
    RESOLVING = "resolving"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True)
class Life:
    """The decision."""

    phase: Phase
    reason: str = ""  # of the condition that decides the phase
    message: str = ""
    key: str = ""  # run key; empty while inputs are missing
    digest: str = ""  # of the artifact, once resolved
    inputs: tuple[Input, ...] = ()
    attempt: int = 0
    restarts: int = 0
    last: Cause | None = None  # why the attempt before this one ended
    not_before: datetime | None = None  # when the next Job may be made
    artifact: Artifact | None = None
    results: dict[str, Any] = field(default_factory=dict)
    redo_resolve: bool = False  # the resolve Job's answer is lost or stale: make it again

    @property
    def over(self) -> bool:
        """Whether nothing runs any more."""
        return self.phase in (Phase.COMPLETE, Phase.FAILED)

    @property
    def run(self) -> str:
        """The label of the run's children."""
        return names.run_label(self.digest)


def decide(stage: Stage, seen: Seen, settings: Settings) -> Life:
    """Return where `stage` stands."""
    ready = tuple(item.input for item in seen.inputs if item.input is not None)
    complete = len(ready) == len(seen.inputs)
    key = stage.run_key(list(ready), settings) if complete else ""
    remembered = _remembered(stage, key)
    if remembered is not None and not any(item.in_the_making for item in seen.inputs):
        return remembered
    if stage.spec.suspend:
        return _suspended(stage, key)
    blocked = _blocked(seen)
    if blocked is not None:
        return Life(Phase.WAITING, *blocked, key=key, inputs=ready)
    return _resolved(stage, seen, key, ready)


def _remembered(stage: Stage, key: str) -> Life | None:
    """Return the end that status remembers, if it still speaks of what is asked for."""
    status = stage.status
    if not (status.run == key if key else status.retried == stage.retry):
        return None
    done, failed = stage.holds("Complete"), stage.holds("Failed")
    if done is not None and status.artifact is not None:
        return _still_complete(
            stage, key, done, Artifact.model_validate(status.artifact.model_dump())
        )
    if failed is not None and failed.observed_generation == stage.generation:
        return replace(
            _counters(stage), phase=Phase.FAILED, reason=failed.reason, message=failed.message
        )
    return None


def _counters(stage: Stage) -> Life:
    status = stage.status
    return Life(Phase.COMPLETE, key=status.run, attempt=status.attempt, restarts=status.restarts)


def _still_complete(stage: Stage, key: str, done: Condition, artifact: Artifact) -> Life | None:
    """Return a complete life; without inputs, only if the artifact is what the spec asks for."""
    if not key and digest(stage.kind, stage.spec, artifact.inputs) != artifact.digest:
        return None
    return replace(
        _counters(stage),
        reason=done.reason,
        message=done.message,
        digest=artifact.digest,
        artifact=artifact,
        results={item.name: item.value for item in stage.status.results},
    )


def _suspended(stage: Stage, key: str) -> Life:
    """Return a life at rest; counters of the run are kept."""
    attempt, restarts = _since(stage, key) if key else (stage.status.attempt, stage.status.restarts)
    message = "spec.suspend is true; set it to false to go on from the last checkpoint"
    return Life(
        Phase.SUSPENDED,
        "Suspended",
        message,
        key=key or stage.status.run,
        attempt=attempt,
        restarts=restarts,
    )


def _blocked(seen: Seen) -> tuple[str, str] | None:
    """Return the reason and message of the first input or gate that holds the stage back."""
    for item in seen.inputs:
        if item.failed:
            return "InputFailed", f"{_named(item)} failed: {item.failed}"
    for item in seen.inputs:
        if item.input is None:
            return "WaitingForInput", _circle(seen) or _awaited(item)
    for gate in seen.gates:
        if not gate.open:
            return "GateNotMet", _circle(seen) or _gate(gate)
    return None


def _circle(seen: Seen) -> str:
    """Return what is said of a stage that waits for itself, empty for one that does not."""
    way = " → ".join(f"{key.kind} {key.name!r}" for key in seen.circle)
    return f"waits for itself: {way}; change one of these references" if way else ""


def _named(item: InputSeen) -> str:
    return f"{item.reference.kind} {item.reference.name!r} (spec.{item.reference.field})"


def _awaited(item: InputSeen) -> str:
    if item.exists:
        return f"waits for {_named(item)} to be Complete"
    return f"waits for {_named(item)}, which does not exist in this namespace"


def _gate(seen: GateSeen) -> str:
    gate = seen.gate
    wanted = f"{gate.metric} of EvalJob {gate.eval_ref.name!r} must be at least {gate.at_least}"
    if not seen.exists:
        return f"{wanted}; that EvalJob does not exist in this namespace"
    if seen.value is not None:
        return f"{wanted}; it is {seen.value}"
    known = ", ".join(seen.known)
    return f"{wanted}; it has only: {known}" if known else f"{wanted}; it is not Complete yet"


def _since(stage: Stage, key: str) -> tuple[int, int]:
    """Return attempt and restarts of the run, as far as status tells."""
    status = stage.status
    if status.run != key:
        return 0, 0
    return status.attempt, status.restarts if status.observed_generation == stage.generation else 0


def _resolved(stage: Stage, seen: Seen, key: str, ready: tuple[Input, ...]) -> Life:
    """Return the life of a stage whose inputs are there."""
    attempt, restarts = _since(stage, key)
    base = Life(Phase.RESOLVING, "Resolving", key=key, inputs=ready)
    base = replace(base, attempt=attempt, restarts=restarts)
    job = seen.job(stage.child(names.ROLE_RESOLVE, key))
    known = _known_run(seen, key)
    if job is None or job.deleting:
        return _step(stage, seen, replace(base, digest=known)) if known else base
    if job.failed:
        return _resolve_failed(stage, base, job, seen)
    outcome = _last_outcome(seen.pods_of(job)) if job.succeeded else None
    if job.succeeded and outcome is None:
        return replace(base, redo_resolve=True)
    if outcome is None:
        return _resolving(stage, base, seen.pods_of(job))
    if outcome.status == "found" and outcome.artifact is not None:
        return _complete(base, "Reused", "the artifact was there already", outcome)
    inputs = tuple(outcome.artifact.inputs) if outcome.artifact else ()
    return _step(stage, seen, replace(base, digest=outcome.digest, inputs=inputs or ready))


def _known_run(seen: Seen, key: str) -> str:
    """Return the digest that this run's own Jobs carry, for when the resolve Job was deleted."""
    return next((job.digest for job in seen.jobs if job.key == key and job.digest), "")


def _resolving(stage: Stage, base: Life, pods: list[PodSeen]) -> Life:
    """Return the life while a resolve pod works, or fails again and again."""
    failed = [pod for pod in pods if pod.phase == "Failed" and not pod.disrupted]
    counted = [pod for pod in failed if pod.exit_code != names.EXIT_RESUMABLE]
    if len(counted) > stage.spec.failure_policy.max_restarts:
        told = of_pod(counted[-1])
        return replace(base, phase=Phase.FAILED, reason=told.reason, message=told.message)
    told_by = next((pod.outcome for pod in reversed(failed) if pod.outcome), None)
    if told_by is None or told_by.reason != "StorageUnavailable":
        return base
    return replace(base, reason="StorageUnavailable", message=told_by.message)


def _resolve_failed(stage: Stage, base: Life, job: JobSeen, seen: Seen) -> Life:
    ended = cause(job, seen.pods_of(job))
    if job.episode != stage.episode or ended.blame is Blame.WORLD:
        return replace(base, redo_resolve=True, reason="Resolving", message=ended.message)
    return replace(base, phase=Phase.FAILED, reason=ended.reason, message=ended.message)


def _step(stage: Stage, seen: Seen, base: Life) -> Life:
    """Return the life of a stage whose artifact must be made."""
    base = replace(base, phase=Phase.RUNNING, reason="Running", message="")
    at = course(stage, seen, base.run, (base.attempt, base.restarts))
    base = replace(base, attempt=at.attempt, restarts=at.restarts, last=at.last)
    if at.over is not None:
        return replace(base, phase=Phase.FAILED, reason=at.over.reason, message=at.over.message)
    if at.job is not None and at.job.succeeded:
        return _made(stage, base, at.job, seen)
    return replace(base, not_before=_pause(at, seen))


def _made(stage: Stage, base: Life, job: JobSeen, seen: Seen) -> Life:
    outcome = _last_outcome(seen.pods_of(job))
    if outcome is not None and outcome.artifact is not None:
        return _complete(base, "Succeeded", "the artifact is published", outcome)
    asked = seen.job(stage.child(names.ROLE_RESOLVE, base.key))
    if asked and asked.finished_at and job.finished_at and asked.finished_at > job.finished_at:
        message = f"Job {job.name} ended well, but the bucket has no manifest of {base.digest[:10]}"
        return replace(base, phase=Phase.FAILED, reason="StepFailed", message=message)
    # The pod was gone before it was read. The bucket knows: ask again.
    return replace(base, phase=Phase.RESOLVING, reason="Resolving", redo_resolve=True)


def _pause(at: Course, seen: Seen) -> datetime | None:
    waits = at.job is None and at.not_before is not None and at.not_before > seen.now
    return at.not_before if waits else None


def _complete(base: Life, reason: str, message: str, outcome: Outcome) -> Life:
    assert outcome.artifact is not None
    return replace(
        base,
        phase=Phase.COMPLETE,
        reason=reason,
        message=message,
        digest=outcome.digest or outcome.artifact.digest,
        artifact=outcome.artifact,
        results=outcome.results,
    )


def _last_outcome(pods: list[PodSeen]) -> Outcome | None:
    """Return what the pods of a finished Job told: the first rank that names an artifact."""
    told = [pod.outcome for pod in pods if pod.phase == "Succeeded" and pod.outcome]
    return next((outcome for outcome in told if outcome.artifact), next(iter(told), None))
