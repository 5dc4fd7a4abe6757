"""A corpus while it is made: its partitions, its ledger, and what the passes made of them."""

import logging
import platform
import time
from concurrent.futures import ThreadPoolExecutor
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
from pipeline_steps.corpus.meter import Cost, Stopwatch
from pipeline_steps.corpus.partitions import Partition, largest_first
from pipeline_steps.corpus.parts import cost_of, fingerprint
from pipeline_steps.limits import cores, memory
from pipeline_steps.storage import TRANSFERS

log = logging.getLogger(__name__)
# The passes, as progress tells them, and bytes of archives for which one more process is worth its
# start: that takes one or two seconds of a core, in which a pass gets through so much.
WORTH_A_PROCESS = {
    "screened": 8 * 2**20,
    "cleared": 64 * 2**20,
    "studied": 32 * 2**20,
    "compared": 256 * 2**20,
    "finished": 16 * 2**20,
}
PASSES = tuple(WORTH_A_PROCESS)
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
    # Of this process, between the passes: the ledger, and what is decided by a look at all files.
    watch: Stopwatch = field(default_factory=lambda: Stopwatch(time.process_time))

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

    def workers(self, name: str) -> int:
        """Return how many processes are worth their start in a pass."""
        size = sum(item.size for partition in self.partitions for item in partition.items)
        fitting = shares(memory(), cores(), self.spec).workers
        return max(1, min(fitting, len(self.partitions), size // WORTH_A_PROCESS[name]))

    def each(self, name: str, work: engine.Pass, tasks: dict[int, dict[str, Any]]) -> None:
        """Run a pass over partitions, the largest first, and say how far it is.

        Args:
            name: of PASSES.
            work: the pass.
            tasks: partition -> its task.
        """
        whole = len(self.partitions)
        self.watch.lap("ledger")
        order = largest_first(self.partitions)
        dealt = [tasks[number] for number in order if number in tasks]
        for done in engine.each(work, Recipe.of(self.step), dealt, self.workers(name)):
            log.info("%s: %d of %d partitions", name, done, len(tasks))
            step = PASSES.index(name) * whole + done * whole // len(tasks)  # a pass may skip some
            self.step.progress.update(step, len(PASSES) * whole, "partitions", name)
        self.watch.skip()  # in a small corpus, this process made the parts

    def costs(self) -> dict[int, Cost]:
        """Return what the parts cost that the corpus is made of, by partition.

        Whichever run made them; what was made before there was a meter counts as nothing.
        """
        parts, found = self.context.parts, dict[int, list[Cost]]()
        there = parts.listed()
        names = {
            cost_of(name): number for number, made in self.parts.items() for name in made.values()
        }
        told = sorted(there & names.keys())
        with ThreadPoolExecutor(TRANSFERS) as pool:
            for name, path in zip(told, pool.map(parts.there, told), strict=True):
                found.setdefault(names[name], []).append(Cost.of(path.read_text()))
        return {number: Cost.sum(costs) for number, costs in found.items()}

    def cost(self) -> Cost:
        """Return what the corpus cost so far."""
        return Cost.sum([self.watch.cost, *self.costs().values()])

    def tidy(self) -> None:
        """Remove the parts that were there and that nobody needs: this run did not use them.

        They are of older specs, or have texts whose owners opted out since. It is done before the
        artifact is published: where there is one, no such text is left. An object has one run at a
        time; what another one writes meanwhile was not there at the beginning, and stays.
        """
        used = {name for names in self.parts.values() for name in names.values()}
        self.context.parts.remove(self.before - used - set(map(cost_of, used)))

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
        for name, spent in self.spent().items():
            gauge("stage_cpu_seconds", spent["cpuSeconds"], stage=name)
            gauge("stage_bytes", spent["bytes"], stage=name)

    def spent(self) -> dict[str, dict[str, float]]:
        """Return CPU seconds and bytes by stage; a question to the ledger is about all bytes."""
        cost = self.cost()
        came = {
            one["stage"]: one["bytesIn"]
            for one in self.ledger.funnel()
            if one["stage"] in self.watch.cost.seconds
        }
        return {
            stage: {
                "cpuSeconds": round(cost.seconds[stage], 3),
                "bytes": cost.bytes[stage] or came.get(stage, 0),
            }
            for stage in cost.stages
        }
