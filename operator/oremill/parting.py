"""What a deleted object tells while its artifacts are removed (deletionPolicy: Delete). Pure."""

from datetime import timedelta

from oremill import names
from oremill.conditions import Said, children
from oremill.seen import JobSeen, Seen
from oremill.specs.status import Condition, JobStatus
from oremill.stage import Stage
from oremill.status import merged, timestamp

_LIMIT = timedelta(minutes=15)  # then a deleted object goes without its artifacts' removal
_OF_PODS = ("Admitted", "PodsReady", "Progressing")


def cleaned(stage: Stage, seen: Seen) -> bool:
    """Return whether nothing is left to remove."""
    job = _cleanup(stage, seen)
    return stage.spec.deletion_policy == "Retain" or bool(job and job.succeeded)


def failed(stage: Stage, seen: Seen, refused: str) -> str:
    """Return why the artifacts will not be removed, empty while they may still be.

    Args:
        stage: the object, with the status that was last written.
        seen: what surrounds it.
        refused: the API server's words when it did not let us make a child; empty when it did.
    """
    if "being terminated" in refused:  # in a namespace that goes, no pod can be made
        return refused
    assert stage.deleting is not None
    job, late = _cleanup(stage, seen), seen.now - stage.deleting > _LIMIT
    if job is not None and job.failed:
        return _last_words(stage, seen, job)
    if not late:
        return ""
    return "; ".join(filter(None, (f"not removed within {_LIMIT}", refused or _known(stage))))


def parting(stage: Stage, seen: Seen, refused: str) -> JobStatus:
    """Return the status while the artifacts are being removed; arguments as in `failed`.

    Complete stays, and the generation stays the one that was made: who waits for this object must
    neither take a doomed artifact nor wait again for a made one.
    """
    told = children(stage, seen, _cleanup(stage, seen), refused, paused=True)
    before = _shown(stage)
    now = timestamp(seen.now)
    said = [item.condition(stage.generation, now) for item in (*told, _progress(seen))]
    found = merged(before, said)
    fresh = {item.type for item in found}
    kept = [item for item in before if item.type not in fresh]
    blocked = _blocked([*kept, *found])
    deciding = blocked or found[-1]
    return stage.status.model_copy(
        update={
            "phase": "Deleting",
            "reason": deciding.reason,
            "message": f"removes the artifacts: {blocked.message}" if blocked else deciding.message,
            "conditions": [*kept, *found],
        }
    )


def _shown(stage: Stage) -> list[Condition]:
    """Return the conditions that status shows, without what they said of earlier pods."""
    if stage.status.phase == "Deleting":
        return stage.status.conditions
    return [item for item in stage.status.conditions if item.type not in _OF_PODS]


def _blocked(shown: list[Condition]) -> Condition | None:
    return next((i for i in shown if i.type in _OF_PODS[:2] and i.status == "False"), None)


def _cleanup(stage: Stage, seen: Seen) -> JobSeen | None:
    return seen.job(stage.child(names.ROLE_CLEANUP))


def _progress(seen: Seen) -> Said:
    told = [pod.outcome for pod in seen.pods if pod.role == names.ROLE_CLEANUP and pod.outcome]
    if told and told[-1].reason == "StorageUnavailable":
        return Said("Progressing", False, "StorageUnavailable", told[-1].message)
    if seen.lingering():
        message = f"waits for pod {seen.lingering()[0]} to stop, then removes the artifacts"
        return Said("Progressing", True, "Running", message)
    return Said("Progressing", True, "Running", "removes the artifacts")


def _last_words(stage: Stage, seen: Seen, job: JobSeen) -> str:
    """Return why the cleanup failed: by its pods, else by what kept them from starting."""
    told = [pod.outcome.message for pod in seen.pods_of(job) if pod.outcome]
    if told:
        return told[-1]
    return "; ".join(filter(None, (f"Job {job.name} failed: {job.why_failed}", _known(stage))))


def _known(stage: Stage) -> str:
    """Return the trouble that status shows: the pod that met it is gone by now."""
    blocked = _blocked(_shown(stage))
    return blocked.message if blocked else ""
