"""What was observed → `.status`: phase, conditions, progress, numbers. Pure.

Status is a view. Three things in it are also memory, because no child can keep them: the run's
counters (`attempt`, `restarts`, valid while `run` is the run key), the end of a run (Complete,
Failed), and its artifact.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oremill.conditions import Said, conditions
from oremill.effective import effective
from oremill.life import Life, Phase
from oremill.seen import Seen
from oremill.specs.artifact import Progress
from oremill.specs.status import (
    ArtifactStatus,
    CheckpointStatus,
    Condition,
    JobStatus,
    ProgressStatus,
    Result,
)
from oremill.stage import Stage, read_status

# The first of these that is not well decides what people read in the phase and reason columns.
_DECIDING = ("Failed", "Complete", "Suspended", "Accepted", "InputsReady", "Admitted", "PodsReady")
_ENDS = {"Failed", "Complete", "Suspended"}  # these decide by being True, the others by not being


@dataclass(frozen=True)
class Event:
    """A Kubernetes Event to post: one per transition that people wait for."""

    type: str  # Normal or Warning
    reason: str
    message: str


def derive(stage: Stage, seen: Seen, life: Life, refused: str = "") -> JobStatus:
    """Return the new status.

    Args:
        stage: the object, with the status that was last written.
        seen: what surrounds it.
        life: where it stands.
        refused: the API server's words when it did not let us make a child.
    """
    old, now = stage.status, timestamp(seen.now)
    fresh = [
        said.condition(stage.generation, now) for said in conditions(stage, seen, life, refused)
    ]
    found = merged(old.conditions, fresh)
    deciding = _deciding(found)
    same = life.phase is Phase.WAITING or old.run == life.key
    return JobStatus(
        observed_generation=stage.generation,
        phase=_phase(life, deciding),
        reason=deciding.reason,
        message=deciding.message,
        headline=_headline(seen.progress, life, old if same else JobStatus()),
        progress=_progress(seen.progress, life, old if same else JobStatus()),
        conditions=found,
        attempt=old.attempt if life.phase is Phase.WAITING else life.attempt,
        restarts=old.restarts if life.phase is Phase.WAITING else life.restarts,
        last_checkpoint=_checkpoint(seen.progress, old if same else JobStatus()),
        artifact=ArtifactStatus.model_validate(life.artifact.model_dump())
        if life.artifact
        else None,
        results=[Result(name=name[:128], value=_text(value)) for name, value in _results(life)],
        effective=effective(stage.spec),
        started_at=_started(life, old if same else JobStatus(), now),
        finished_at=((old.finished_at if same else None) or now) if life.over else None,
        run=old.run if life.phase is Phase.WAITING else life.key,
        retried=stage.retry,
    )


def rejected(body: Mapping[str, Any], message: str, now: datetime) -> JobStatus:
    """Return the status of an object whose spec is not allowed; its counters are kept."""
    old, generation = read_status(body), body["metadata"]["generation"]
    said = Said("Accepted", False, "InvalidSpec", f"correct the spec: {message}")
    found = merged(old.conditions, [said.condition(generation, timestamp(now))])
    return old.model_copy(
        update={
            "observed_generation": generation,
            "phase": "Failed",
            "reason": found[0].reason,
            "message": found[0].message,
            "conditions": found,
            "artifact": None,
            "finished_at": None,
        }
    )


def merged(old: list[Condition], fresh: list[Condition]) -> list[Condition]:
    """Return `fresh`, with the times of those whose status did not change."""
    before = {item.type: item for item in old}
    return [_since(item, before.get(item.type)) for item in fresh]


def _since(item: Condition, before: Condition | None) -> Condition:
    if before is None or before.status != item.status:
        return item
    return item.model_copy(update={"last_transition_time": before.last_transition_time})


def events(old: JobStatus, new: JobStatus) -> Iterator[Event]:
    """Yield what happened between two statuses, for `kubectl describe`."""
    before = {item.type: item for item in old.conditions}
    for item in new.conditions:
        known = before.get(item.type)
        if known is not None and (known.status, known.reason) == (item.status, item.reason):
            continue
        if item.type == "Complete":
            yield Event("Normal", item.reason, item.message)
        elif item.type == "Failed" or (item.status == "False" and _worth_a_warning(item)):
            yield Event("Warning", item.reason, item.message)


def _worth_a_warning(item: Condition) -> bool:
    return item.reason not in ("Starting", "WaitingForInput", "Queued", "Suspended", "NoneYet")


def changes(old: Mapping[str, Any], new: JobStatus) -> dict[str, Any]:
    """Return the JSON merge patch from the status as stored to the new one; empty: no change."""
    wanted = new.model_dump(by_alias=True, mode="json", exclude_none=True)
    patch = {name: value for name, value in wanted.items() if old.get(name) != value}
    gone = {name: None for name in old if name not in wanted}
    for name, value in patch.items():  # a merge patch merges maps: say which keys go
        if isinstance(value, dict) and isinstance(old.get(name), dict):
            patch[name] = {key: None for key in old[name] if key not in value} | value
    return patch | gone


def timestamp(now: datetime) -> str:
    """Return a time as Kubernetes writes it."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _deciding(found: list[Condition]) -> Condition:
    by_type = {item.type: item for item in found}
    for name in _DECIDING:
        item = by_type.get(name)
        if item is not None and (item.status == "True") == (name in _ENDS):
            return item
    return by_type.get("Progressing", found[0])


def _phase(life: Life, deciding: Condition) -> str:
    if life.phase is not Phase.RUNNING:
        return "Pending" if life.phase is Phase.RESOLVING else life.phase.value.capitalize()
    if deciding.type == "Admitted":
        return "Queued"
    return "Running" if deciding.type == "Progressing" else "Pending"


def _results(life: Life) -> list[tuple[str, Any]]:
    return list(life.results.items())[:64]


def _text(value: Any) -> str:
    return str(value)[:128]


def _headline(progress: Progress | None, life: Life, old: JobStatus) -> str:
    if life.phase is Phase.COMPLETE:
        first = next(iter(life.results.items()), None)
        return f"{first[0]} {_short(first[1])}"[:128] if first else ""
    return progress.headline[:128] if progress else old.headline


def _short(value: Any) -> str:
    """Return a count as it is, another number with four digits; `results` has them all."""
    text = str(value)
    try:
        return text if text.isdecimal() else f"{float(text):.4g}"
    except ValueError:
        return text


def _progress(progress: Progress | None, life: Life, old: JobStatus) -> ProgressStatus:
    if progress is None:
        shown = old.progress
    else:
        share = f"{100 * progress.step // progress.total}%" if progress.total else ""
        shown = ProgressStatus(
            step=progress.step, total=progress.total, unit=progress.unit[:32], text=share
        )
    if life.phase is not Phase.COMPLETE:
        return shown
    return shown.model_copy(update={"step": shown.total or shown.step, "text": "100%"})


def _checkpoint(progress: Progress | None, old: JobStatus) -> CheckpointStatus | None:
    saved = progress.last_checkpoint if progress else None
    return CheckpointStatus.model_validate(saved.model_dump()) if saved else old.last_checkpoint


def _started(life: Life, old: JobStatus, now: str) -> str | None:
    return old.started_at or (now if life.phase is Phase.RUNNING else None)
