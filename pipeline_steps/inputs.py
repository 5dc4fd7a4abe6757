"""Which data a spec names itself, as inputs with a digest: objects of the bucket, and repositories.

Artifacts of other stages are named by the operator. The archives, problems and conversations that
a spec names by key are known only to who can read the bucket: the resolve step, to compute the
stage's digest, and the stage itself, to make sure that it reads what was resolved.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from pydantic.alias_generators import to_camel

from oremill.specs.artifact import Input
from oremill.specs.common import JobSpec
from oremill.specs.corpus import DataCorpusSpec, Git, HuggingFace, Source
from oremill.specs.evaluate import EvalJobSpec
from oremill.specs.rlef import RLEFJobSpec
from oremill.specs.sft import SFTJobSpec
from pipeline_steps.corpus.sources import revisions
from pipeline_steps.errors import UserError
from pipeline_steps.storage import Object, Store


@dataclass(frozen=True)
class Named:
    """A key, or a prefix of keys, that a field of the spec names."""

    field: str  # as the user writes it, without "spec."
    key: str
    is_prefix: bool = False


def named(spec: JobSpec) -> Iterator[Named]:
    """Yield what `spec` reads from the bucket besides artifacts."""
    match spec:
        case DataCorpusSpec():
            for index, source in enumerate(spec.sources):
                yield from _source(f"sources[{index}]", source)
            if spec.opt_out.key is not None:
                yield Named("optOut.key", spec.opt_out.key)
            for index, item in enumerate(spec.decontamination):
                if item.key is not None:
                    yield Named(f"decontamination[{index}].key", item.key)
        case SFTJobSpec():
            for index, conversations in enumerate(spec.sources):
                yield Named(f"sources[{index}].key", conversations.key)
        case RLEFJobSpec():
            yield Named("problems.key", spec.problems.key)
        case EvalJobSpec():
            for index, benchmark in enumerate(spec.benchmarks):
                if benchmark.key is not None:
                    yield Named(f"benchmarks[{index}].key", benchmark.key)


def _source(where: str, source: Source) -> Iterator[Named]:
    """Yield what a source of a corpus reads from the bucket.

    Not the blobs of softwareHeritage, which may be billions: their names are their content's, so
    the tables that list them are enough.
    """
    where = f"{where}.{to_camel(next(iter(source.kinds)))}"
    match source.kind:
        case Git(repositories=repositories):
            for index, item in enumerate(repositories):
                if item.bundle is not None:
                    yield Named(f"{where}.repositories[{index}].bundle", item.bundle)
        case HuggingFace(prefix=prefix):
            if prefix is not None:
                yield Named(f"{where}.prefix", prefix.rstrip("/") + "/", True)
        case kind:
            yield Named(f"{where}.prefix", kind.prefix, True)


def outside(spec: JobSpec) -> Iterator[Input]:
    """Yield an input for what `spec` reads from elsewhere, at the commit that it is at now."""
    for number, source in enumerate(spec.sources if isinstance(spec, DataCorpusSpec) else ()):
        where = f"sources[{number}].{to_camel(next(iter(source.kinds)))}"
        match source.kind:
            case Git(repositories=repositories):
                for index, item in enumerate(repositories):
                    if item.url is not None:
                        name = f"{where}.repositories[{index}].url"
                        at = revisions.commit(item.url, item.ref, f"spec.{name}")
                        yield Input(name=name, uri=item.url, digest=at)
            case HuggingFace(dataset=dataset, revision=revision):
                if dataset is not None:
                    at = revisions.dataset(dataset, revision, f"spec.{where}.dataset")
                    uri = f"hf://datasets/{dataset}"
                    yield Input(name=f"{where}.dataset", uri=uri, digest=at)


def objects(store: Store, item: Named) -> list[Object]:
    """Return the objects that a field names.

    Raises:
        UserError: there is none.
    """
    found = store.list(item.key)
    if not item.is_prefix:
        found = [one for one in found if one.key == item.key]
    if not found:
        what = "object below" if item.is_prefix else "object"
        raise UserError(f"spec.{item.field}: there is no {what} {store.uri(item.key)}")
    return found


def bucket_inputs(store: Store, spec: JobSpec) -> list[Input]:
    """Return an input for each field of `spec` that names data: of the bucket, or of elsewhere."""
    inside = [
        Input(name=item.field, uri=store.uri(item.key), digest=_digest(objects(store, item)))
        for item in named(spec)
    ]
    return [*inside, *outside(spec)]


def _digest(found: list[Object]) -> str:
    """Hash keys, sizes and entity tags: a rewritten object changes its tag, so nothing is read."""
    rows = [(item.key, item.size, item.etag) for item in found]
    return sha256(json.dumps(rows).encode()).hexdigest()
