"""The pipeline's objects as the API server shows them, read once into what the demo tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devcluster.demo.kube import Kube
from oremill.names import GROUP, KINDS, PLURALS


@dataclass(frozen=True)
class Stage:
    """One object of the six kinds."""

    kind: str
    name: str
    status: Mapping[str, Any]
    generation: int = 1  # of the spec; the status says of which it speaks

    @property
    def phase(self) -> str:
        """Running, Complete, Failed ...; empty before the operator's first look."""
        return str(self.status.get("phase", ""))

    @property
    def current(self) -> bool:
        """True when the status speaks of the spec as it is now."""
        return int(self.status.get("observedGeneration", 0)) >= self.generation

    @property
    def complete(self) -> bool:
        """True when the artifact of the current spec is there."""
        return self.current and self.phase == "Complete"

    @property
    def failed(self) -> bool:
        """True when the current spec will come to nothing by itself."""
        return self.current and self.phase == "Failed"

    @property
    def progress(self) -> str:
        """Such as 42%."""
        return str(self.status.get("progress", {}).get("text", ""))

    @property
    def headline(self) -> str:
        """The number that matters, or why there is none yet."""
        return str(self.status.get("headline") or self.status.get("reason") or "")

    def seconds(self, now: datetime) -> float | None:
        """How long it has run, or ran; None when it has not started."""
        if not (began := self.status.get("startedAt")):
            return None
        ended = self.status.get("finishedAt")
        end = datetime.fromisoformat(ended) if ended else now
        return (end - datetime.fromisoformat(began)).total_seconds()


def read(kube: Kube) -> list[Stage]:
    """Every object of the namespace, in the order of the pipeline."""
    kinds = ",".join(f"{PLURALS[kind]}.{GROUP}" for kind in KINDS)
    items = kube.get(kinds).get("items", [])
    found = [_stage(item) for item in items]
    return sorted(found, key=lambda stage: (KINDS.index(stage.kind), stage.name))


def _stage(item: Mapping[str, Any]) -> Stage:
    meta = item["metadata"]
    return Stage(item["kind"], meta["name"], item.get("status", {}), meta["generation"])


def settled(stages: Sequence[Stage]) -> bool:
    """True when all are complete, and each was made from what the others are now.

    A stage whose input was made anew stays complete until the operator has looked at it.
    """
    artifacts = [stage.status.get("artifact") or {} for stage in stages]
    made = {artifact.get("digest") for artifact in artifacts}
    used = (item for artifact in artifacts for item in artifact.get("inputs", []))
    fresh = all(item["digest"] in made for item in used if item.get("kind"))
    return bool(stages) and fresh and all(stage.complete for stage in stages)
