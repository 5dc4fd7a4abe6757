"""What should exist: pure functions from a stage and what was observed to manifests.

`plan` looks at the stage's life and asks the kind's own file, one per word, for the children of a
run. It also names the children that should go: Jobs of an old run, and sandboxes after the run.
"""

from collections.abc import Callable
from dataclasses import dataclass

from oremill import names
from oremill.life import Life, Phase
from oremill.plans import corpus, evaluate, jobs, pretrain, rlef, sandboxes, sft, tokenizer
from oremill.plans.children import Child, Manifest
from oremill.seen import JobSeen, Seen
from oremill.settings import Settings
from oremill.stage import Stage

__all__ = ["Child", "Manifest", "Plan", "plan", "plan_deletion"]

Planner = Callable[[Stage, Life, Settings, bytes], list[Manifest]]
PLANNERS: dict[str, Planner] = {
    "DataCorpus": corpus.plan,
    "TokenizerJob": tokenizer.plan,
    "PretrainJob": pretrain.plan,
    "SFTJob": sft.plan,
    "RLEFJob": rlef.plan,
    "EvalJob": evaluate.plan,
}


@dataclass(frozen=True)
class Plan:
    """Children to apply, in this order, and children to delete before."""

    apply: tuple[Manifest, ...] = ()
    delete: tuple[Child, ...] = ()


def plan(stage: Stage, seen: Seen, life: Life, settings: Settings, key: bytes) -> Plan:
    """Return what should change.

    Args:
        stage: the object.
        seen: what surrounds it.
        life: where it stands.
        settings: the administrator's.
        key: the operator's key, from which sandbox tokens are derived.
    """
    match life.phase:
        case Phase.WAITING:  # a run that began with an input goes on until a new one is there
            return Plan()
        case Phase.RESOLVING if life.redo_resolve:
            return Plan(delete=_answered(stage, seen, life))
        case Phase.RESOLVING:
            return _converge(stage, seen, life, jobs.resolve(stage, life, settings))
        case Phase.RUNNING:
            return _run(stage, seen, life, PLANNERS[stage.kind](stage, life, settings, key))
    return Plan(delete=tuple(_active(seen)) + tuple(_pools(seen, keep="")))


def plan_deletion(stage: Stage, seen: Seen, settings: Settings) -> Plan:
    """Return what should change while a stage that removes its artifacts is being deleted."""
    others = [job for job in seen.jobs if job.role != names.ROLE_CLEANUP and not job.deleting]
    delete = [jobs.child(job) for job in others] + _pools(seen, keep="")
    if seen.lingering() or any(job.active for job in others):
        return Plan(delete=tuple(delete))
    there = seen.job(stage.child(names.ROLE_CLEANUP))
    return Plan(tuple(jobs.cleanup(stage, settings)) if there is None else (), tuple(delete))


def _run(stage: Stage, seen: Seen, life: Life, children: list[Manifest]) -> Plan:
    """Return the plan of a run; its Job waits for a pause, and for pods that still write."""
    exists = seen.job(jobs.step_name(stage, life)) is not None
    if not exists and (life.not_before is not None or seen.lingering()):
        children = [child for child in children if child["kind"] != "Job"]
    found = _converge(stage, seen, life, children)
    delete = [*found.delete, *_quarantined(seen)]
    keep = next((c["metadata"]["name"] for c in children if c["kind"] == "Deployment"), "")
    return Plan(found.apply, (*delete, *_pools(seen, keep)))


def _quarantined(seen: Seen) -> list[Child]:
    """Return sandbox pods that serve again after a crash: their volume may hold what caused it."""
    return [
        Child("v1", "Pod", pod.name)
        for pod in seen.pods
        if pod.role == names.ROLE_SANDBOX and pod.ready and pod.restarts and not pod.deleting
    ]


def _converge(stage: Stage, seen: Seen, life: Life, children: list[Manifest]) -> Plan:
    apply: list[Manifest] = []
    delete: list[Child] = [jobs.child(job) for job in seen.jobs if _obsolete(job, life)]
    for child in children:
        if child["kind"] != "Job":
            apply.append(child)
            continue
        wanted, unwanted = jobs.settled(stage, seen, child)
        apply += wanted
        delete += unwanted
    return Plan(tuple(apply), tuple(delete))


def _obsolete(job: JobSeen, life: Life) -> bool:
    """Return whether a Job belongs to a run that nobody asks for any more."""
    if job.deleting or job.role == names.ROLE_CLEANUP:
        return False
    if job.role == names.ROLE_RESOLVE:
        return job.run != life.key
    if life.digest:
        return job.run != life.run
    return job.active and job.key != life.key


def _answered(stage: Stage, seen: Seen, life: Life) -> tuple[Child, ...]:
    job = seen.job(stage.child(names.ROLE_RESOLVE, life.key))
    return (jobs.child(job),) if job is not None and not job.deleting else ()


def _active(seen: Seen) -> list[Child]:
    return [jobs.child(job) for job in seen.jobs if job.active]


def _pools(seen: Seen, keep: str) -> list[Child]:
    gone = [pool.name for pool in seen.pools if pool.name != keep]
    return [child for name in gone for child in sandboxes.removed(name)]
