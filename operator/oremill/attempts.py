"""Attempts: why a Job ended, whether that is counted, and which attempt comes next.

A gang of pods is restarted whole, as a new Job. Attempts are numbered; the number and the count of
failures are kept in status and advanced by what the Jobs show, so that a Job that somebody deletes
neither resets the count nor adds to it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from oremill import names
from oremill.seen import JobSeen, PodSeen, Seen
from oremill.stage import Stage

_FIRST_PAUSE = 10  # seconds before the attempt after a first failure; doubles with each
_LONGEST_PAUSE = 300  # seconds
_STORAGE_PAUSE = 30  # seconds before a pod asks a bucket again that did not answer


class Blame(StrEnum):
    """Who must act on the end of an attempt."""

    USER = "user"  # never retried
    WORLD = "world"  # retried, not counted
    STEP = "step"  # retried, counted


@dataclass(frozen=True)
class Cause:
    """Why an attempt ended."""

    blame: Blame
    reason: str  # from names.REASONS["Failed"], or StorageUnavailable
    message: str


@dataclass(frozen=True)
class Course:
    """Where the attempts stand."""

    attempt: int
    restarts: int
    job: JobSeen | None  # of this attempt; None when it does not exist (yet, or any more)
    last: Cause | None = None  # why the attempt before it ended
    over: Cause | None = None  # set when there is no next attempt
    not_before: datetime | None = None  # when this attempt's Job may be made


def course(stage: Stage, seen: Seen, run: str, since: tuple[int, int]) -> Course:
    """Return the current attempt, from the one that status shows on.

    Args:
        stage: the object.
        seen: what surrounds it.
        run: label of the run's Jobs.
        since: the attempt and the counted restarts that status shows for this run.
    """
    jobs = seen.steps(run)
    at = _first(stage, seen, jobs, *since)
    while (job := at.job) is not None or any(attempt > at.attempt for attempt in jobs):
        if job is None:
            at = _next(at, jobs, at.restarts, None)  # deleted by hand: nothing to count
        elif job.active or (job.succeeded and job.episode == stage.episode):
            break
        elif job.episode != stage.episode:
            at = _next(at, jobs, 0, None)  # it ended in an earlier life of the object
        else:
            ended = cause(job, seen.pods_of(job))
            at = _after(job, jobs, ended, at.restarts, stage.spec.failure_policy.max_restarts)
            if at.over is not None:
                break
    return at


def _first(
    stage: Stage, seen: Seen, jobs: dict[int, JobSeen], attempt: int, restarts: int
) -> Course:
    """Return the course at the attempt that status shows, with what ended the one before."""
    before = jobs.get(attempt - 1)
    if before is None or not before.failed or before.episode != stage.episode:
        return Course(attempt, restarts, jobs.get(attempt))
    return _behind(before, cause(before, seen.pods_of(before)), restarts, jobs)


def _next(at: Course, jobs: dict[int, JobSeen], restarts: int, last: Cause | None) -> Course:
    return Course(at.attempt + 1, restarts, jobs.get(at.attempt + 1), last)


def _behind(job: JobSeen, ended: Cause, restarts: int, jobs: dict[int, JobSeen]) -> Course:
    """Return the course after a failed Job, with the pause that its end asks for."""
    pause = timedelta(seconds=pause_after(ended, restarts))
    return Course(
        job.attempt + 1,
        restarts,
        jobs.get(job.attempt + 1),
        last=ended,
        not_before=job.finished_at + pause if job.finished_at else None,
    )


def _after(
    job: JobSeen, jobs: dict[int, JobSeen], ended: Cause, restarts: int, budget: int
) -> Course:
    """Return the course after a failed Job, or its end."""
    if ended.blame is Blame.USER:
        return Course(job.attempt, restarts, job, over=ended)
    if ended.blame is Blame.STEP and restarts >= budget:
        return Course(job.attempt, restarts, job, over=_spent(ended, restarts))
    return _behind(job, ended, restarts + (ended.blame is Blame.STEP), jobs)


def pause_after(ended: Cause, restarts: int) -> int:
    """Return the seconds between the end of an attempt and the next one."""
    if ended.blame is Blame.STEP:
        return int(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** max(0, restarts - 1)))
    return _STORAGE_PAUSE if ended.reason == "StorageUnavailable" else 0


def _spent(ended: Cause, restarts: int) -> Cause:
    """Return the last cause as the end: the budget's own reason only where nothing says more."""
    message = f"{restarts + 1} of {restarts + 1} allowed attempts failed, the last: {ended.message}"
    if restarts == 0:
        message = f"{ended.message} (failurePolicy.maxRestarts is 0)"
    vague = ended.reason == "StepFailed" and restarts > 0
    return Cause(ended.blame, "RestartBudgetSpent" if vague else ended.reason, message)


def cause(job: JobSeen, pods: list[PodSeen]) -> Cause:
    """Return why a failed Job failed, from the results of all its ranks.

    When one pod fails, the Job controller deletes the others, which then look preempted: so a pod
    that is being deleted, or is gone, speaks only when no other does.
    """
    if job.why_failed == "DeadlineExceeded":
        return Cause(
            Blame.USER,
            "DeadlineExceeded",
            f"Job {job.name} ran longer than spec.activeDeadlineSeconds; raise it, or ask for less",
        )
    ended = [pod for pod in pods if pod.phase == "Failed"]
    causes = [of_pod(pod) for pod in ended if not pod.deleting]
    causes += [of_pod(pod) for pod in ended if pod.exit_code == names.EXIT_USER]
    for blame in (Blame.USER, Blame.WORLD, Blame.STEP):
        found = next((item for item in causes if item.blame is blame), None)
        if found is not None:
            return found
    return Cause(
        Blame.WORLD,
        "StepFailed",
        f"a pod of Job {job.name} was deleted; the stage resumes from its last checkpoint",
    )


def of_pod(pod: PodSeen) -> Cause:
    """Return why one failed pod failed."""
    who = f"rank {pod.index} (pod {pod.name})"
    told = pod.outcome.message if pod.outcome else ""
    if pod.exit_code == names.EXIT_USER:
        reason = pod.outcome.reason if pod.outcome and pod.outcome.reason else "UserError"
        return Cause(Blame.USER, _failed_reason(reason, "UserError"), told or f"{who}: {pod.tail}")
    if pod.exit_code == names.EXIT_RESUMABLE:
        reason = pod.outcome.reason if pod.outcome else ""
        return Cause(Blame.WORLD, reason or "StepFailed", told or f"{who} was interrupted")
    if pod.disk_full:
        return Cause(
            Blame.STEP, "DiskFull", f"{who} filled its scratch volume; raise spec.pod.scratch"
        )
    if pod.disrupted:
        return Cause(Blame.WORLD, "StepFailed", f"{who} was evicted or preempted")
    if pod.ended == "OOMKilled":
        return Cause(
            Blame.STEP,
            "OutOfMemory",
            f"{who} was killed for memory; raise spec.pod.memory or lower the batch",
        )
    reason = _failed_reason(pod.outcome.reason if pod.outcome else "", "StepFailed")
    said = told or _last_line(pod.tail) or "its log says why"
    return Cause(Blame.STEP, reason, f"{who} exited with {pod.exit_code}: {said}")


def _failed_reason(reason: str, fallback: str) -> str:
    return reason if reason in names.REASONS["Failed"] else fallback


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:512] if lines else ""
