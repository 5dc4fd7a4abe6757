"""A corpus while it is made: its partitions, its ledger, and what the passes made of them."""

import logging
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from oremill.specs.artifact import RECIPES
from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps import run
from pipeline_steps.corpus import engine
from pipeline_steps.corpus.context import Context, Recipe
from pipeline_steps.corpus.ledger import Ledger
from pipeline_steps.corpus.memory import shares
from pipeline_steps.corpus.partitions import Partition, largest_first
from pipeline_steps.corpus.parts import fingerprint
from pipeline_steps.limits import cores, memory

log = logging.getLogger(__name__)
WORTH_A_PROCESS = 32 * 2**20  # bytes of archives; a process takes seconds to import what it needs
PASSES = ("screened", "cleared", "studied", "compared", "finished")  # as progress tells them
# Distributions whose versions shape the result: what another one made is not used again.
LIBRARIES = (
    "daft", "datasets", "datasketch", "duckdb", "enry-python", "license-expression",
    "licenseclassifier", "nbformat", "numba", "numpy", "pathspec", "pyahocorasick", "pyarrow",
    "ruff", "scipy", "tree-sitter", "yara-x",
)  # fmt: skip


@dataclass
class Work:
    """A corpus while it is made."""

    step: run.Step
    spec: DataCorpusSpec
    partitions: list[Partition]
    ledger: Ledger
    parts: dict[int, dict[str, str]] = field(default_factory=dict)  # partition -> role -> name
    before: frozenset[str] = field(init=False)  # parts that were there when the run began

    def __post_init__(self) -> None:
        self.before = self.context.parts.listed()
        self._made_by = [RECIPES["DataCorpus"], *map(version, LIBRARIES), platform.python_version()]

    @property
    def folder(self) -> Path:
        """What becomes the artifact, beside the shards."""
        return self.step.scratch / "corpus"

    @property
    def context(self) -> Context:
        """Spec, bucket and parts, as the passes have them."""
        return Recipe.of(self.step).open()

    def name(self, partition: Partition, role: str, end: str, *shaped_by: Any) -> str:
        """Name the part that a pass makes of a partition, by what it is made from."""
        made_from = [*self._made_by, role, partition.identity, *shaped_by]
        found = f"{role}/{partition.number:05d}-{fingerprint(made_from)}{end}"
        self.parts.setdefault(partition.number, {})[role] = found
        return found

    def part(self, partition: Partition, role: str) -> Path:
        """Return the local copy of a part that is there."""
        return self.context.parts.there(self.parts[partition.number][role])

    @property
    def benchmarks(self) -> list[str]:
        """What decides which problems are kept out."""
        asked = [item.model_dump_json() for item in self.spec.decontamination]
        return asked + [i.digest for i in self.step.inputs if i.name.startswith("decontamination")]

    @property
    def workers(self) -> int:
        """How many processes are worth their start."""
        size = sum(item.size for partition in self.partitions for item in partition.items)
        fitting = shares(memory(), cores(), self.spec).workers
        return max(1, min(fitting, len(self.partitions), size // WORTH_A_PROCESS))

    def each(self, name: str, work: engine.Pass, tasks: dict[int, dict[str, Any]]) -> None:
        """Run a pass over partitions, the largest first, and say how far it is.

        Args:
            name: of PASSES.
            work: the pass.
            tasks: partition -> its task.
        """
        whole = len(self.partitions)
        order = largest_first(self.partitions)
        dealt = [tasks[number] for number in order if number in tasks]
        for done in engine.each(work, Recipe.of(self.step), dealt, self.workers):
            log.info("%s: %d of %d partitions", name, done, len(tasks))
            step = PASSES.index(name) * whole + done * whole // len(tasks)  # a pass may skip some
            self.step.progress.update(step, len(PASSES) * whole, "partitions", name)

    def tidy(self) -> None:
        """Remove the parts that were there and that nobody needs: this run did not use them.

        They are of older specs, or have texts whose owners opted out since. It is done before the
        artifact is published: where there is one, no such text is left. An object has one run at a
        time; what another one writes meanwhile was not there at the beginning, and stays.
        """
        used = {name for names in self.parts.values() for name in names.values()}
        self.context.parts.remove(self.before - used)

    def tell(self) -> None:
        """Say what each stage was given and left, how far the corpus is, and why files are gone."""
        gauge, stages = self.step.progress.gauge, self.ledger.funnel()
        gauge("files", stages[-1]["filesOut"])
        for stage in stages:
            gauge("files_in", stage["filesIn"], stage=stage["stage"])
            gauge("files_out", stage["filesOut"], stage=stage["stage"])
            gauge("bytes_in", stage["bytesIn"], stage=stage["stage"])
            gauge("bytes_out", stage["bytesOut"], stage=stage["stage"])
            for reason, count in stage["dropped"].items():
                gauge("dropped_files", count, stage=stage["stage"], reason=reason)
        for what, count in self.ledger.edits().items():
            gauge("redacted", count, what=what)
