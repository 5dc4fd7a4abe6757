"""What the CRD's schema cannot say: the short list of rules between fields.

A broken rule becomes Accepted=False, reason InvalidSpec. Each sentence names the field, its value
and what is allowed.
"""

from collections.abc import Iterator

from pydantic.alias_generators import to_camel

from oremill.specs.common import JobSpec
from oremill.specs.corpus import SOURCE_KINDS, DataCorpusSpec, Git, HuggingFace, Source
from oremill.specs.evaluate import EvalJobSpec
from oremill.specs.linguist import LANGUAGES, nearest
from oremill.specs.pretrain import PRESETS, PretrainJobSpec

# The rules that CEL can say, by the name of the model they belong to: (expression, message). The
# API server refuses these at once; `problems` says them again, for specs that never met one.
_KINDS = [to_camel(name) for name in SOURCE_KINDS]
CEL: dict[str, tuple[tuple[str, str], ...]] = {
    "Source": (
        (
            f"[{', '.join(f'has(self.{name})' for name in _KINDS)}].filter(x, x).size() == 1",
            f"give exactly one of {', '.join(_KINDS)}",
        ),
    ),
    "Repository": (("has(self.url) != has(self.bundle)", "give exactly one of url and bundle"),),
    "HuggingFace": (
        ("has(self.dataset) != has(self.prefix)", "give exactly one of dataset and prefix"),
    ),
    "Contamination": (
        ("has(self.benchmark) != has(self.key)", "give exactly one of benchmark and key"),
    ),
    "Benchmark": (
        (
            "self.name != 'steplang' || has(self.key)",
            "key is missing; steplang reads its problems from the bucket",
        ),
        (
            "self.name != 'humaneval' || !has(self.key)",
            "key is not allowed; humaneval ships inside the image",
        ),
        ("self.k.all(v, v <= self.samples)", "k must not be above samples"),
        (
            "self.samples == 1 || self.temperature > 0.0",
            "temperature 0 draws the same answer every time; give one above 0, or samples: 1",
        ),
    ),
}


def sizes(spec: PretrainJobSpec) -> dict[str, int]:
    """Return the model's resolved sizes: the preset's, overridden by the spec's."""
    own = spec.model.model_dump(exclude_none=True)
    return {name: own.get(name, value) for name, value in PRESETS[spec.model.preset].items()}


def problems(spec: JobSpec) -> list[str]:
    """Return a sentence for each rule that `spec` breaks."""
    match spec:
        case DataCorpusSpec():
            return list(_corpus(spec))
        case PretrainJobSpec():
            return list(_pretrain(spec))
        case EvalJobSpec():
            return list(_evaluate(spec))
    return []


def _corpus(spec: DataCorpusSpec) -> Iterator[str]:
    names = [source.name for source in spec.sources]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"spec.sources: the name {name!r} is used twice; names of sources must differ"
    for index, source in enumerate(spec.sources):
        yield from _source(f"spec.sources[{index}]", source)
    roles = sorted({source.role for source in spec.sources})
    weights = spec.mixture.weights
    if spec.mixture.enabled and not any(getattr(weights, role) for role in roles):
        yield (
            f"spec.mixture.weights: the weight of {' and '.join(roles)} is 0, and the sources have "
            "no other role; give one a weight above 0"
        )
    yield from _languages(spec)
    for index, item in enumerate(spec.decontamination):
        if (item.benchmark is None) == (item.key is None):
            yield f"spec.decontamination[{index}]: give exactly one of benchmark and key"
    if spec.ray is not None and spec.workers.replicas > 1:
        yield (
            f"spec.workers.replicas: {spec.workers.replicas} is not allowed with spec.ray, whose "
            "nodes do the work; give 1, or leave spec.ray out"
        )


def _source(where: str, source: Source) -> Iterator[str]:
    given = [to_camel(name) for name in source.kinds]
    if len(given) != 1:
        named = ", ".join(given) or "none"
        yield f"{where}: {named} is given; give exactly one of {', '.join(_KINDS)}"
        return
    match source.kind:
        case Git(repositories=repositories):
            for index, item in enumerate(repositories):
                if (item.url is None) == (item.bundle is None):
                    at = f"{where}.git.repositories[{index}]"
                    yield f"{at}: give exactly one of url and bundle"
        case HuggingFace(dataset=dataset, prefix=prefix):
            if (dataset is None) == (prefix is None):
                yield f"{where}.huggingface: give exactly one of dataset and prefix"


def _languages(spec: DataCorpusSpec) -> Iterator[str]:
    asked = spec.languages
    fields = {"include": asked.include, "exclude": asked.exclude}
    for field, names in {**fields, "caps": [cap.name for cap in asked.caps]}.items():
        for index, name in enumerate(names):
            if name not in LANGUAGES:
                near = nearest(name)
                hint = f"did you mean {near!r}?" if near else "see GitHub's linguist for its names"
                yield f"spec.languages.{field}[{index}]: {name!r} is no language; {hint}"
    for name in sorted(set(asked.include) & set(asked.exclude)):
        yield f"spec.languages: {name!r} is both included and excluded"


def _pretrain(spec: PretrainJobSpec) -> Iterator[str]:
    size = sizes(spec)
    if size["hidden_size"] % size["heads"]:
        yield (
            f"spec.model.hiddenSize: {size['hidden_size']} is not a multiple of "
            f"heads {size['heads']}"
        )
    elif size["hidden_size"] // size["heads"] % 2:
        yield (
            f"spec.model.heads: {size['heads']} heads share a hiddenSize of {size['hidden_size']}, "
            "an odd size each; rotary embeddings need an even one"
        )
    if size["heads"] % size["kv_heads"]:
        yield f"spec.model.kvHeads: {size['kv_heads']} does not divide heads {size['heads']}"
    length = spec.model.context_length
    ranks = spec.workers.replicas * max(1, spec.workers.gpus)
    if spec.batch.tokens % (length * ranks):
        yield (
            f"spec.batch.tokens: {spec.batch.tokens} is not a multiple of model.contextLength "
            f"{length} times the number of ranks {ranks}"
        )
    if spec.tokens < spec.batch.tokens:
        yield f"spec.tokens: {spec.tokens} is less than one batch of {spec.batch.tokens} tokens"


def _evaluate(spec: EvalJobSpec) -> Iterator[str]:
    for index, benchmark in enumerate(spec.benchmarks):
        where = f"spec.benchmarks[{index}]"
        if benchmark.name == "steplang" and benchmark.key is None:
            yield f"{where}.key: missing; steplang reads its problems from the bucket"
        if benchmark.name == "humaneval" and benchmark.key is not None:
            yield f"{where}.key: {benchmark.key!r} is not allowed; humaneval ships inside the image"
        if max(benchmark.k) > benchmark.samples:
            yield f"{where}.k: {max(benchmark.k)} is above samples {benchmark.samples}"
        if benchmark.samples > 1 and benchmark.temperature == 0:
            yield (
                f"{where}.temperature: 0 draws the same answer {benchmark.samples} times; "
                "give a temperature above 0, or samples: 1"
            )
