"""What the work on a partition needs, in whichever process or pod it is done."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import cast

from oremill import names
from oremill.specs import parse
from oremill.specs.artifact import Order
from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps import run
from pipeline_steps.corpus.contamination import Index, benchmarks
from pipeline_steps.corpus.optout import OptOuts
from pipeline_steps.corpus.parts import Parts, fingerprint
from pipeline_steps.corpus.sketch import Sketch
from pipeline_steps.storage import Store


@dataclass(frozen=True)
class Context:
    """The spec, the bucket, and the parts."""

    spec: DataCorpusSpec
    store: Store
    parts: Parts
    prefix: str  # key prefix of the artifact

    @cached_property
    def contamination(self) -> Index:
        """What benchmarks' problems look like."""
        return Index(list(benchmarks(self.spec, self.store.read)))

    @cached_property
    def opt_outs(self) -> OptOuts:
        """What owners asked to leave out."""
        key = self.spec.opt_out.key
        listed = self.store.read(key).decode("utf-8", "replace").splitlines() if key else ()
        return OptOuts(self.spec.opt_out, listed)

    @cached_property
    def sketch(self) -> Sketch:
        """MinHash as the spec asks for it."""
        return Sketch(self.spec.dedup.near.bands, self.spec.dedup.near.rows)


@dataclass(frozen=True)
class Recipe:
    """A context as it is sent to a worker."""

    places: run.Places | None  # None on another machine, which knows its own
    order: str  # JSON
    prefix: str
    work: str

    @classmethod
    def of(cls, step: run.Step) -> "Recipe":
        """Return the recipe of a step's context."""
        work = f"{step.prefix.rpartition('/')[0]}/work"
        return cls(step.places, step.order.model_dump_json(by_alias=True), step.prefix, work)

    def open(self) -> Context:
        """Return the context; a process opens it once."""
        return _open(self)


def folder_of(order: Order) -> str:
    """Return the folder, below a machine's scratch, of an object's local copies.

    A node of a cluster that is there already works for many objects, and outlives them.
    """
    return f"work/{fingerprint(order.uid)}"


def _run(order: Order) -> str:
    """Return the folder of one attempt: what another one left is not taken for what is there."""
    return f"{names.run_label(order.digest)}-a{order.attempt}"


@lru_cache(maxsize=1)
def _open(recipe: Recipe) -> Context:
    order = Order.model_validate_json(recipe.order)
    places = recipe.places or run.Places.from_environment()
    store = Store.open(order.storage, places.secret, places.ca)
    parts = Parts(store, recipe.work, Path(places.scratch) / folder_of(order) / _run(order))
    spec = cast(DataCorpusSpec, parse(order.kind, order.spec))
    return Context(spec, store, parts, recipe.prefix)
