"""Checkpoints in the bucket: `<artifact>/checkpoints/step-<8 digits>/`, manifest last.

DeepSpeed writes the state of model and optimizer, each rank its own part; the ranks of a node
upload what lies on their disk, and rank 0 writes the manifest when all have. A checkpoint without a
manifest, or with a file that is not what the manifest says, does not count, and the one before it
is used. There is no state of a data loader, and none of a random generator: the step says which
tokens come next, and nothing is drawn after the first weights.
"""

import logging
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oremill import names
from oremill.specs.artifact import Checkpointed, File, Manifest
from pipeline_steps.errors import StepFailed, UserError
from pipeline_steps.pretrain.engine import Ranks
from pipeline_steps.pretrain.model import read_curve, write_curve
from pipeline_steps.run import Step
from pipeline_steps.storage import sha256_of

log = logging.getLogger(__name__)
Curve = list[dict[str, float]]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one artifact, as seen by one rank."""

    step: Step
    ranks: Ranks
    keep: int

    @property
    def prefix(self) -> str:
        """Key prefix below which all of them are."""
        return f"{self.step.prefix}/{names.CHECKPOINTS}"

    def save(self, engine: Any, number: int, curve: Curve) -> Checkpointed:
        """Save the engine's state after step `number`; all ranks call it."""
        folder = self._root / _name(number)
        engine.save_checkpoint(str(folder.parent), tag=folder.name, save_latest=False)
        if self.ranks.rank == 0:
            write_curve(folder, curve)
        return self.publish(folder, number)

    def publish(self, folder: Path, number: int) -> Checkpointed:
        """Upload what the ranks wrote after step `number`; return when it counts.

        All ranks call it. `folder` is theirs, on the disk that the ranks of a node share.
        """
        began, name = time.monotonic(), _name(number)
        self.ranks.wait()
        files = [file for part in self.ranks.gather(self._upload(folder, name)) for file in part]
        if self.ranks.rank == 0:
            self._finish(name, number, files)
            log.info("checkpoint %s: %.1f s", name, time.monotonic() - began)
        self.ranks.wait()
        if self.ranks.local_rank == 0:
            shutil.rmtree(folder)
        uri = f"{self.step.uri}/{names.CHECKPOINTS}/{name}"
        return Checkpointed(step=number, uri=uri, time=_now())

    def resume(self, engine: Any) -> tuple[int, Curve, int]:
        """Load the newest whole checkpoint; return its step, the curve, and how many were skipped.

        Raises:
            UserError: it cannot be loaded by this number of ranks.
        """
        found, skipped = self.newest()
        if found is None:
            return 0, [], skipped
        path, _ = engine.load_checkpoint(str(found.parent), tag=found.name)
        if path is None:
            raise StepFailed(f"DeepSpeed cannot load the checkpoint {found.name}")
        curve = read_curve(found)
        self.discard(found)
        return int(found.name.removeprefix("step-")), curve, skipped

    def newest(self) -> tuple[Path | None, int]:
        """Download the newest whole checkpoint, to every node; return it, and how many were not.

        Raises:
            UserError: its parts do not fit the ranks that are here.
        """
        listed = self.ranks.gather(self._listed() if self.ranks.rank == 0 else [])[0]
        for skipped, name in enumerate(listed):
            if self._fetch(name):
                manifest = self.step.store.manifest(f"{self.prefix}/{name}")
                assert manifest is not None
                check_layout(manifest.counters, _layout(self.step.spec, self.ranks))
                return self._root / name, skipped
            log.warning("checkpoint %s is damaged; trying the one before it", name)
        return None, len(listed)

    def discard(self, folder: Path) -> None:
        """Remove a downloaded checkpoint once every rank of the node has read it."""
        self.ranks.wait()
        if self.ranks.local_rank == 0:
            shutil.rmtree(folder)

    @property
    def _root(self) -> Path:
        return self.step.scratch / names.CHECKPOINTS

    def _upload(self, folder: Path, name: str) -> list[File]:
        """Upload this rank's share of what lies on the node's disk."""
        here = sorted(path for path in folder.rglob("*") if path.is_file())
        files = []
        for path in here[self.ranks.local_rank :: self.ranks.local_world]:
            relative = path.relative_to(folder).as_posix()
            self.step.store.upload(path, f"{self.prefix}/{name}/{relative}")
            files.append(File(path=relative, sha256=sha256_of(path), bytes=path.stat().st_size))
        return files

    def _finish(self, name: str, number: int, files: list[File]) -> None:
        """Write the manifest, then remove what is older than the newest `keep`."""
        order = self.step.order
        manifest = Manifest(
            kind=order.kind,
            namespace=order.namespace,
            name=order.name,
            digest=order.digest,
            created_at=_now(),
            recipe=0,
            spec={},
            files=files,
            counters={"step": number} | _layout(self.step.spec, self.ranks),
        )
        text = manifest.model_dump_json(by_alias=True, indent=1)
        self.step.store.write(f"{self.prefix}/{name}/{names.MANIFEST}", text)
        for old in self._listed()[self.keep :]:
            self.step.store.remove_prefix(f"{self.prefix}/{old}")

    def _listed(self) -> list[str]:
        """Return the names of checkpoints with a manifest, newest first."""
        keys = [item.key.split("/") for item in self.step.store.list(self.prefix + "/")]
        return sorted({key[-2] for key in keys if key[-1] == names.MANIFEST}, reverse=True)

    def _fetch(self, name: str) -> bool:
        """Download a checkpoint to every node; return whether it is whole on all of them."""
        whole = True
        if self.ranks.local_rank == 0:
            try:
                self.step.store.fetch(f"{self.prefix}/{name}", self._root / name)
            except (StepFailed, FileNotFoundError) as error:
                log.warning("checkpoint %s: %s", name, error)
                whole = False
        return self.ranks.agree(whole)


def check_layout(saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse a checkpoint whose parts do not fit the ranks that are here.

    Without ZeRO, and in fp32, every rank has the whole state, so any number of ranks can load it.

    Raises:
        UserError: the state is spread over another number of ranks, or by another ZeRO stage.
    """
    fields = ("zeroStage", "ranks")
    if all(saved[field] == now[field] for field in fields):
        return
    if saved["zeroStage"] == now["zeroStage"] == 0 and now["precision"] == "fp32":
        return
    raise UserError(
        f"spec.workers and spec.zeroStage: the checkpoint of step {saved['step']} is spread over "
        f"{saved['ranks']} ranks by ZeRO stage {saved['zeroStage']} ({now['precision']}), and "
        f"there are {now['ranks']} ranks with stage {now['zeroStage']}; give back the former "
        "values. Only fp32 with zeroStage 0 resumes with another number of ranks"
    )


def _layout(spec: Any, ranks: Ranks) -> dict[str, Any]:
    """Return how the state is spread; a kind without these fields trains in fp32 without ZeRO."""
    return {
        "ranks": ranks.world,
        "zeroStage": getattr(spec, "zero_stage", 0),
        "precision": getattr(spec, "precision", "fp32"),
    }


def _name(number: int) -> str:
    return f"step-{number:08d}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
