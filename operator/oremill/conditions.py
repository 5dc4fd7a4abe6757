"""The conditions of a stage: what is the matter, by the closed list of reasons; who must act."""

from collections.abc import Iterator
from dataclasses import dataclass

from oremill import names
from oremill.life import Life, Phase
from oremill.seen import JobSeen, Seen
from oremill.specs.status import Condition
from oremill.stage import Stage
from oremill.troubles import trouble

_LONGEST = 1000  # characters of a message
_CHECKPOINTING = {"PretrainJob", "SFTJob", "RLEFJob"}


@dataclass(frozen=True)
class Said:
    """A condition before it is merged with the one that status shows."""

    type: str
    status: bool
    reason: str
    message: str = ""

    def condition(self, generation: int, now: str) -> Condition:
        """Return the condition as it would be if it were new."""
        assert self.reason in names.REASONS[self.type], (self.type, self.reason)
        return Condition(
            type=self.type,
            status="True" if self.status else "False",
            reason=self.reason,
            message=self.message[:_LONGEST],
            observed_generation=generation,
            last_transition_time=now,
        )


def conditions(stage: Stage, seen: Seen, life: Life, refused: str) -> Iterator[Said]:
    """Yield the conditions that apply now.

    Args:
        stage: the object.
        seen: what surrounds it.
        life: where it stands.
        refused: the API server's words when it did not let us make a child; empty when it did.
    """
    yield Said("Accepted", True, "Valid")
    if life.phase is Phase.WAITING:
        yield Said("InputsReady", False, life.reason, life.message)
    elif life.inputs or life.over or not seen.inputs:
        yield from _inputs(seen)
    match life.phase:
        case Phase.SUSPENDED:
            yield Said("Admitted", False, "Suspended", life.message)
            yield Said("Suspended", True, "Suspended", life.message)
        case Phase.RESOLVING:
            yield from _resolving(stage, seen, life, refused)
        case Phase.RUNNING:
            yield from _running(stage, seen, life, refused)
        case Phase.COMPLETE:
            yield Said("Complete", True, life.reason, life.message)
        case Phase.FAILED:
            yield Said("Failed", True, life.reason, life.message)
    if stage.kind in _CHECKPOINTING and life.phase in (Phase.RUNNING, Phase.SUSPENDED):
        yield _checkpoint(stage, seen, life)


def _inputs(seen: Seen) -> Iterator[Said]:
    """Yield what is known of the inputs of a stage that no longer depends on them."""
    late = [item for item in seen.inputs if item.input is None]
    if not late:
        yield Said("InputsReady", True, "Resolved")
        return
    gone = ", ".join(f"{item.reference.kind} {item.reference.name!r}" for item in late)
    message = f"{gone} is not Complete; the artifact made from it stays"
    yield Said("InputsReady", False, "WaitingForInput", message)


def _resolving(stage: Stage, seen: Seen, life: Life, refused: str) -> Iterator[Said]:
    job = seen.job(stage.child(names.ROLE_RESOLVE, life.key))
    silent = life.reason == "StorageUnavailable"
    yield from children(stage, seen, job, refused, paused=silent)
    if silent:
        yield Said("Progressing", False, "StorageUnavailable", life.message)
    else:
        yield Said("Progressing", True, "Resolving", life.message or "looks for the artifact")


def _running(stage: Stage, seen: Seen, life: Life, refused: str) -> Iterator[Said]:
    job = seen.steps(life.run).get(life.attempt)
    paused = life.not_before is not None or bool(seen.lingering())
    yield from children(stage, seen, job, refused, sandboxes=True, paused=paused)
    progress, after = seen.progress, life.last
    if job is not None and progress is not None:
        resumed = progress.resumed_from
        if resumed is not None and progress.step <= resumed:
            yield Said("Progressing", True, "Resuming", f"resumes from step {resumed}")
        else:
            yield Said("Progressing", True, "Running", f"attempt {life.attempt}")
    elif job is None and seen.lingering():
        message = f"waits for pod {seen.lingering()[0]} to stop; two must never write at once"
        yield Said("Progressing", True, "Restarting", message)
    elif after is not None and after.reason == "StorageUnavailable":
        yield Said("Progressing", False, "StorageUnavailable", after.message)
    elif after is not None and not (job and _at_work(job, seen)):
        yield Said("Progressing", True, "Restarting", _restart(life))
    else:
        yield Said("Progressing", True, "Running", f"attempt {life.attempt}")


def _at_work(job: JobSeen, seen: Seen) -> bool:
    return any(pod.phase == "Running" for pod in seen.pods_of(job))


def _restart(life: Life) -> str:
    assert life.last is not None
    when = f", not before {life.not_before:%H:%M:%S}Z" if life.not_before else ""
    return f"attempt {life.attempt}{when}; the one before: {life.last.message}"


def _checkpoint(stage: Stage, seen: Seen, life: Life) -> Said:
    saved = seen.progress.last_checkpoint if seen.progress else None
    known = stage.status.last_checkpoint if stage.status.run == life.key else None
    newest = saved or known
    if newest is None:
        return Said("CheckpointAvailable", False, "NoneYet")
    return Said("CheckpointAvailable", True, "Saved", f"step {newest.step}")


def children(
    stage: Stage,
    seen: Seen,
    job: JobSeen | None,
    refused: str,
    sandboxes: bool = False,
    paused: bool = False,
) -> Iterator[Said]:
    """Yield Admitted and PodsReady for the Job that is to run now.

    Args:
        stage: the object.
        seen: what surrounds it.
        job: that Job, None while it does not exist.
        refused: as in `conditions`.
        sandboxes: whether the Job's pods need sandboxes.
        paused: whether it is right that no pod runs yet.
    """
    admitted = _admitted(stage, seen, job, refused)
    yield admitted
    if not admitted.status:
        return
    if job is None:
        if not paused:
            yield Said("PodsReady", False, "Starting", "the Job is being made")
        return
    workers = seen.pods_of(job)
    pods = [pod for pod in workers if pod.alive and not pod.deleting]
    problems = [found for pod in pods if (found := trouble(pod, seen))]
    if sandboxes:
        problems += _sandbox_troubles(seen)
    if problems:
        yield Said("PodsReady", False, *problems[0])
    elif pods and all(pod.phase == "Running" for pod in pods):
        yield Said("PodsReady", True, "Ready")
    elif not paused and not any(pod.phase == "Succeeded" for pod in workers):
        yield Said("PodsReady", False, "Starting", f"pods of Job {job.name} are starting")


def _admitted(stage: Stage, seen: Seen, job: JobSeen | None, refused: str) -> Said:
    if not refused and job is not None and not seen.pods_of(job):
        refused = seen.warnings.get(job.name, "")
    if refused:
        reason = "QuotaExceeded" if "exceeded quota" in refused else "AdmissionDenied"
        return Said("Admitted", False, reason, refused)
    if job is not None and job.suspended and stage.spec.queue_name:
        message = f"waits for quota in queue {stage.spec.queue_name!r}"
        return Said("Admitted", False, "Queued", message)
    return Said("Admitted", True, "Admitted")


def _sandbox_troubles(seen: Seen) -> list[tuple[str, str]]:
    pods = [pod for pod in seen.pods if pod.role == names.ROLE_SANDBOX and not pod.deleting]
    for pool in seen.pools:
        if pool.ready >= min(1, pool.wanted):
            continue
        known = [found for pod in pods if (found := trouble(pod, seen))]
        detail = f": {known[0][1]}" if known else ""
        message = f"{pool.ready} of {pool.wanted} sandbox pods are ready{detail}"
        return [("SandboxesNotReady", message)]
    return []
