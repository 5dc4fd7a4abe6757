"""What a stage made of a partition: Parquet files in the bucket, named by what they were made from.

A part is one object, so it is there whole or not at all: a stage that is killed goes on with the
parts that are missing. Its name is a hash of the stage, the fields of the spec that shape it and
its inputs: so a corpus whose spec changed in a later stage finds the parts of the earlier ones.
They go once the artifact is published; with `keepParts` those stay that it was made from.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline_steps.corpus import meter
from pipeline_steps.errors import StepFailed
from pipeline_steps.storage import Store


def fingerprint(value: Any) -> str:
    """Return sixteen digits of the hash of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]


def cost_of(name: str) -> str:
    """Return the name of the part that says what another one cost."""
    return f"cost/{name}.json"


@dataclass(frozen=True)
class Parts:
    """The parts of one object's stages."""

    store: Store
    prefix: str  # in the bucket, without a trailing slash
    folder: Path  # local copies

    def local(self, name: str) -> Path:
        """Return where the local copy of a part is, or would be."""
        return self.folder / name

    def get(self, name: str) -> Path | None:
        """Return a part's local copy, downloaded when it is not there; None when nobody made it."""
        path = self.local(name)
        if path.exists():
            return path
        try:
            self.store.download(f"{self.prefix}/{name}", path)
        except FileNotFoundError:
            return None
        return path

    def there(self, name: str) -> Path:
        """Return the local copy of a part that an earlier pass made."""
        found = self.get(name)
        if found is None:
            raise StepFailed(f"{self.store.uri(self.prefix)}/{name} was there and is gone")
        return found

    def make(self, names: Sequence[str], write: Callable[[list[Path]], None]) -> None:
        """Write parts that belong together, unless they are there; the last one marks them all."""
        if self.get(names[-1]) is None:
            self.make_again(names, write)

    def make_again(self, names: Sequence[str], write: Callable[[list[Path]], None]) -> None:
        """Write parts that belong together, whether they are there or not, and what they cost."""
        drafts = [self._draft(name) for name in names]
        with meter.measured() as cost:
            write(drafts)
            meter.lap("parts")
        draft = self._draft(cost_of(names[-1]))
        draft.write_text(cost.json())
        self.put(draft, cost_of(names[-1]))
        for name, draft in zip(names, drafts, strict=True):
            self.put(draft, name)

    def _draft(self, name: str) -> Path:
        """Return where a part is written before it is one."""
        path = self.local(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{os.getpid()}-{path.name}")

    def put(self, draft: Path, name: str) -> None:
        """Make a finished file a part."""
        self.store.upload(draft, f"{self.prefix}/{name}")
        path = self.local(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(path)

    def listed(self) -> frozenset[str]:
        """Return the names of all parts that are in the bucket."""
        folder = f"{self.prefix}/"
        return frozenset(item.key.removeprefix(folder) for item in self.store.list(folder))

    def remove(self, names: Iterable[str]) -> None:
        """Remove parts from the bucket."""
        self.store.remove(f"{self.prefix}/{name}" for name in names)
