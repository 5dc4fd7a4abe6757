"""The contract: what a spec may say, how a mistake is told, what an artifact's digest holds."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from oremill import names
from oremill.specs import SPECS, InvalidSpec, parse
from oremill.specs.artifact import Input, digest, shaping
from oremill.specs.common import Model
from oremill.specs.rules import CEL

EXAMPLES = Path(__file__).parents[2] / "examples"
MINIMAL: dict[str, dict[str, Any]] = {
    kind: yaml.safe_load((EXAMPLES / f"{word}.yaml").read_text())["spec"]
    for kind, word in names.WORDS.items()
}


def digest_of(kind: str, inputs: tuple[Input, ...] = (), **fields: Any) -> str:
    return digest(kind, parse(kind, MINIMAL[kind] | fields), list(inputs))


@pytest.mark.parametrize(
    ("written", "count"),
    [(6_000_000, 6_000_000), ("6M", 6_000_000), ("1.5B", 1_500_000_000), ("500k", 500_000)],
)
def test_a_count_may_be_written_short(written: object, count: int) -> None:
    assert parse("PretrainJob", MINIMAL["PretrainJob"] | {"tokens": written}).tokens == count  # type: ignore[attr-defined]


TOO_BIG = ["99999999999B", 10**16]


@pytest.mark.parametrize(
    "written", ["6 M", "-1", "6e6", "M", "", 1.5, True, None, -1, "0", *TOO_BIG]
)
def test_what_is_no_count_is_refused(written: object) -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.tokens"):
        parse("PretrainJob", MINIMAL["PretrainJob"] | {"tokens": written})


RAY = {"address": "head:6379", "tokenRef": {"name": "ray"}}
# kind, the fields that make the minimal example bad, and the words of the answer
BAD = [
    ("TokenizerJob", {"vocabsize": 1}, "spec.vocabsize: Extra inputs are not permitted (given: 1)"),
    ("TokenizerJob", {"corpusRef": {}}, "spec.corpusRef.name: Field required"),
    ("SFTJob", {"sources": [{"key": "/a"}]}, "spec.sources[0].key: "),
    ("SFTJob", {"modelRef": {"kind": "EvalJob", "name": "a"}}, "'PretrainJob', 'SFTJob' or 'RLEFJ"),
    ("PretrainJob", {"model": {"hiddenSize": 130}}, "hiddenSize: 130 is not a multiple of heads 4"),
    (
        "PretrainJob",
        {"model": {"heads": 128}},
        "spec.model.heads: 128 heads share a hiddenSize of 128",
    ),
    ("PretrainJob", {"model": {"kvHeads": 3}}, "spec.model.kvHeads: 3 does not divide heads 4"),
    ("PretrainJob", {"batch": {"tokens": 1000}}, "spec.batch.tokens: 1000 is not a multiple of"),
    ("PretrainJob", {"workers": {"replicas": 3}}, "times the number of ranks 3"),
    ("PretrainJob", {"tokens": 10}, "spec.tokens: 10 is less than one batch of 4096 tokens"),
    ("DataCorpus", {"decontamination": [{}]}, "spec.decontamination[0]: give exactly one of"),
    ("DataCorpus", {"sources": MINIMAL["DataCorpus"]["sources"] * 2}, "'packages' is used twice"),
    ("DataCorpus", {"sources": [{"name": "a"}]}, "spec.sources[0]: none is given; give exactly"),
    (
        "DataCorpus",
        {"sources": [{"name": "a", "files": {"prefix": "a"}, "parquet": {"prefix": "a"}}]},
        "spec.sources[0]: files, parquet is given; give exactly one of archives, files, jsonl",
    ),
    (
        "DataCorpus",
        {"sources": [{"name": "a", "git": {"repositories": [{}]}}]},
        "spec.sources[0].git.repositories[0]: give exactly one of url and bundle",
    ),
    (
        "DataCorpus",
        {"sources": [{"name": "a", "huggingface": {"dataset": "a/b", "prefix": "c"}}]},
        "spec.sources[0].huggingface: give exactly one of dataset and prefix",
    ),
    (
        "DataCorpus",
        {"workers": {"replicas": 2}, "ray": RAY},
        "spec.workers.replicas: 2 is not allowed with spec.ray",
    ),
    ("DataCorpus", {"ray": RAY | {"address": "ray://head:1"}}, "spec.ray.address: String should"),
    ("DataCorpus", {"ray": {"address": "head:6379"}}, "spec.ray.tokenRef: Field required"),
    (
        "DataCorpus",
        {"mixture": {"weights": {"code": 0}}},
        "spec.mixture.weights: the weight of code is 0",
    ),
    ("DataCorpus", {"parse": {"languages": ["Perl"]}}, "spec.parse.languages[0]: "),
    ("DataCorpus", {"lint": {"rules": ["E5"]}}, "spec.lint.rules[0]: "),
    ("EvalJob", {"benchmarks": [{"name": "steplang"}]}, "spec.benchmarks[0].key: missing"),
    ("EvalJob", {"benchmarks": [{"name": "humaneval", "key": "a"}]}, "'a' is not allowed"),
    ("EvalJob", {"benchmarks": [{"name": "humaneval", "k": [2]}]}, "spec.benchmarks[0].k: 2 is"),
    ("EvalJob", {"benchmarks": [{"name": "humaneval", "samples": 2}]}, "same answer 2 times"),
]


@pytest.mark.parametrize(("kind", "bad", "said"), BAD, ids=[said for *_, said in BAD])
def test_a_mistake_is_told_by_field_value_and_what_is_allowed(
    kind: str, bad: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidSpec) as error:
        parse(kind, MINIMAL[kind] | bad)
    assert said in str(error.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidSpec, match=r"spec\.seed: .*; spec\.vocabSize: "):
        parse("TokenizerJob", MINIMAL["TokenizerJob"] | {"vocabSize": 1, "seed": -1})


def test_a_part_given_in_part_keeps_its_owners_defaults() -> None:
    whole: Any = parse("SFTJob", MINIMAL["SFTJob"])
    partly: Any = parse("SFTJob", MINIMAL["SFTJob"] | {"optimizer": {"beta1": 0.8}})
    assert whole.optimizer.peak_lr == 1e-4, "not the 3e-4 of every optimizer"
    assert partly.optimizer == whole.optimizer.model_copy(update={"beta1": 0.8})


# Each says where or when a job runs, and nothing of what it makes.
PLACEMENT = {
    "storage": {"bucket": "other-bucket"},
    "pod": {"cpu": 4, "image": "mine:1", "env": [{"name": "NCCL_DEBUG", "value": "INFO"}]},
    "suspend": True,
    "activeDeadlineSeconds": 60,
    "ttlSecondsAfterFinished": 60,
    "failurePolicy": {"maxRestarts": 0},
    "deletionPolicy": "Delete",
    "queueName": "gpus",
    "requires": [{"evalRef": {"name": "a"}, "metric": "humaneval/pass@1", "atLeast": 0.1}],
    "workers": {"gpus": 2},
    "keepParts": True,
    "ray": RAY,
    "checkpoint": {"everySteps": 7},
    "zeroStage": 1,
    "sandbox": {"replicas": 3, "workers": 9, "runtimeClassName": "gvisor"},
}


def placed(kind: str) -> list[str]:
    known = {info.alias for info in SPECS[kind].model_fields.values()}
    return [name for name in PLACEMENT if name in known]


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind in names.KINDS for field in placed(kind)]
)
def test_the_digest_is_the_same_wherever_the_job_runs(kind: str, field: str) -> None:
    assert digest_of(kind, **{field: PLACEMENT[field]}) == digest_of(kind)


@pytest.mark.parametrize("kind", names.KINDS)
def test_the_digest_is_the_same_when_defaults_are_written_out(kind: str) -> None:
    written = parse(kind, MINIMAL[kind]).model_dump(by_alias=True)
    assert digest(kind, parse(kind, written), []) == digest_of(kind)


SHAPING = [
    ("DataCorpus", {"dedup": {"near": {"threshold": 0.8}}}),
    ("DataCorpus", {"licences": {"allow": ["MIT"]}}),
    ("TokenizerJob", {"digits": "free"}),
    ("PretrainJob", {"tokens": "7M"}),
    ("PretrainJob", {"optimizer": {"peakLr": 1e-3}}),
    ("PretrainJob", {"fim": {"rate": 0.0}}),
    ("SFTJob", {"epochs": 4}),
    ("RLEFJob", {"reward": {"partial": 0.5}}),
    ("RLEFJob", {"sandbox": {"timeoutSeconds": 1}}),
    ("EvalJob", {"benchmarks": [{"name": "humaneval", "limit": 1}]}),
    *((kind, {"seed": 1}) for kind in names.KINDS),
]


@pytest.mark.parametrize(
    ("kind", "field"), SHAPING, ids=[f"{kind}-{next(iter(field))}" for kind, field in SHAPING]
)
def test_the_digest_changes_with_a_field_that_shapes_the_result(
    kind: str, field: dict[str, Any]
) -> None:
    assert digest_of(kind, **field) != digest_of(kind)


def test_the_digest_changes_with_an_input_and_not_with_its_address() -> None:
    def made_from(digest: str, uri: str) -> str:
        found = Input(name="corpusRef", kind="DataCorpus", uri=uri, digest=digest)
        return digest_of("TokenizerJob", (found,))

    assert made_from("a", "s3://x") == made_from("a", "s3://y") != made_from("b", "s3://x")


def test_the_digest_does_not_change_between_releases() -> None:
    """Another digest would make every team's finished stages again: change it knowingly."""
    spec = parse("TokenizerJob", {"corpusRef": {"name": "any"}, "vocabSize": 2048})
    made = digest("TokenizerJob", spec, [])
    assert made == "0dfc19b05d29b0adfc13b74bdb33462635093140f12bff805047d492597fe4b1"


def test_shaping_shows_what_was_chosen_and_no_more() -> None:
    assert shaping(parse("PretrainJob", MINIMAL["PretrainJob"])) == {"tokens": 6_000_000}


def every(model: type[Model]) -> set[type[Model]]:
    return {sub for child in model.__subclasses__() for sub in (child, *every(child))}


OURS = sorted(
    (model for model in every(Model) if model.__module__.startswith("oremill.")),
    key=lambda model: model.__name__,
)


@pytest.mark.parametrize("model", OURS)
def test_every_field_says_what_it_does(model: type[Model]) -> None:
    for name, info in model.model_fields.items():
        assert info.description, f"{model.__name__}.{name} has no description"
        assert info.description.endswith("."), f"{model.__name__}.{name}: {info.description}"


def test_every_cel_rule_belongs_to_a_model() -> None:
    assert set(CEL) <= {model.__name__ for model in OURS}
