"""The pipeline's objects as the API server shows them, read once into what the demo tells."""

from __future__ import annotations

from collections.abc import Mapping
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

    @property
    def phase(self) -> str:
        """Running, Complete, Failed ...; empty before the operator's first look."""
        return str(self.status.get("phase", ""))

    @property
    def finished(self) -> bool:
        """True when nothing more will happen by itself."""
        return self.phase in ("Complete", "Failed")

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
    found = [Stage(i["kind"], i["metadata"]["name"], i.get("status", {})) for i in items]
    return sorted(found, key=lambda stage: (KINDS.index(stage.kind), stage.name))
