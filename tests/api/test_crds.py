"""The CRDs, as a real API server sees them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from oremill import names, specs
from oremill.crdgen.crd import definition
from tests.api_server import ApiServer

pytestmark = pytest.mark.api

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
MINIMAL: dict[str, dict[str, Any]] = {
    kind: yaml.safe_load((ROOT / f"examples/{word}.yaml").read_text())["spec"]
    for kind, word in names.WORDS.items()
}


@pytest.fixture(scope="module")
def server(api: ApiServer) -> Iterator[ApiServer]:
    """The API server with our CRDs."""
    api.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    crds = [f"crd/{plural}.{names.GROUP}" for plural in names.PLURALS.values()]
    api.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
    yield api
    api.kubectl("delete", "--wait", "-f", str(ROOT / "crds"))


def wanted(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


@pytest.mark.parametrize("kind", names.KINDS)
def test_a_crd_is_structural_and_its_names_are_free(server: ApiServer, kind: str) -> None:
    crd = server.get("crd", f"{names.PLURALS[kind]}.{names.GROUP}")
    conditions = {item["type"]: item["status"] for item in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted(server: ApiServer, path: Path) -> None:
    server.kubectl("apply", "--validate=strict", "-f", str(path))


@pytest.mark.parametrize("kind", names.KINDS)
def test_the_server_fills_the_same_defaults_as_the_parser(server: ApiServer, kind: str) -> None:
    server.apply(wanted(kind, "defaults", MINIMAL[kind])).check_returncode()
    stored = server.get(names.PLURALS[kind], "defaults")["spec"]
    assert specs.parse(kind, stored) == specs.parse(kind, MINIMAL[kind])
    assert stored["failurePolicy"] == {"maxRestarts": 3}, "defaults are to be seen in the object"


def test_a_part_given_in_part_keeps_its_owners_defaults(server: ApiServer) -> None:
    spec = MINIMAL["SFTJob"] | {"optimizer": {"beta1": 0.8}, "pod": {"cpu": 4}}
    server.apply(wanted("SFTJob", "partly", spec)).check_returncode()
    stored = server.get("sftjobs", "partly")["spec"]
    assert stored["optimizer"]["peakLr"] == 1e-4
    assert specs.parse("SFTJob", stored) == specs.parse("SFTJob", spec)


def test_null_means_left_out(server: ApiServer) -> None:
    spec = MINIMAL["PretrainJob"] | {"queueName": None, "seed": None, "storage": {"prefix": None}}
    server.apply(wanted("PretrainJob", "nulls", spec)).check_returncode()
    stored = server.get("pretrainjobs", "nulls")["spec"]
    assert stored["seed"] == 0
    assert specs.parse("PretrainJob", stored) == specs.parse("PretrainJob", MINIMAL["PretrainJob"])


SOURCE = MINIMAL["DataCorpus"]["sources"][0]
HUMANEVAL = {"name": "humaneval"}
# kind, the fields that make the minimal example bad, and what the refusal must say
REFUSED = [
    ("DataCorpus", {"sources": []}, "spec.sources"),
    ("DataCorpus", {"sources": [SOURCE, SOURCE]}, "spec.sources[1]"),
    ("DataCorpus", {"sources": [SOURCE | {"role": "binary"}]}, "spec.sources[0].role"),
    ("DataCorpus", {"dedup": {"near": {"threshold": 0}}}, "spec.dedup.near.threshold"),
    ("DataCorpus", {"decontamination": [{}]}, "exactly one of benchmark and key"),
    ("DataCorpus", {"sources": [{"name": "a"}]}, "exactly one of archives, files, jsonl"),
    ("DataCorpus", {"sources": [SOURCE | {"files": {"prefix": "a"}}]}, "one of archives, files"),
    (
        "DataCorpus",
        {"sources": [{"name": "a", "git": {"repositories": [{}]}}]},
        "exactly one of url and bundle",
    ),
    (
        "DataCorpus",
        {"sources": [{"name": "a", "huggingface": {"split": "train"}}]},
        "exactly one of dataset and prefix",
    ),
    ("DataCorpus", {"storage": {"endpoint": "minio:9000"}}, "spec.storage.endpoint"),
    ("TokenizerJob", {"vocabSize": 100}, "spec.vocabSize"),
    ("TokenizerJob", {"vocabsize": 4096}, 'unknown field "spec.vocabsize"'),
    ("TokenizerJob", {"corpusRef": {"name": "Tiny"}}, "spec.corpusRef.name"),
    ("TokenizerJob", {"corpusRef": None}, "spec.corpusRef"),
    ("PretrainJob", {"tokens": "12 million"}, "spec.tokens"),
    ("PretrainJob", {"tokens": 0}, "spec.tokens"),
    ("PretrainJob", {"tokens": 10**16}, "spec.tokens"),
    ("PretrainJob", {"optimizer": {"peakLR": 1e-3}}, 'unknown field "spec.optimizer.peakLR"'),
    ("PretrainJob", {"optimizer": {"beta2": 1}}, "spec.optimizer.beta2"),
    ("PretrainJob", {"workers": {"gpus": 17}}, "spec.workers.gpus"),
    ("PretrainJob", {"pod": {"memory": "4 GB"}}, "spec.pod.memory"),
    ("SFTJob", {"modelRef": {"kind": "EvalJob", "name": "x"}}, "spec.modelRef.kind"),
    ("SFTJob", {"epochs": 0}, "spec.epochs"),
    ("RLEFJob", {"groupSize": 1}, "spec.groupSize"),
    ("RLEFJob", {"algorithm": "ppo"}, "spec.algorithm"),
    ("RLEFJob", {"sandbox": {"replicas": 1000}}, "spec.sandbox.replicas"),
    ("EvalJob", {"benchmarks": [{"name": "mbpp"}]}, "spec.benchmarks[0].name"),
    ("EvalJob", {"benchmarks": [{"name": "steplang"}]}, "key is missing"),
    ("EvalJob", {"benchmarks": [HUMANEVAL | {"key": "x"}]}, "key is not allowed"),
    ("EvalJob", {"benchmarks": [HUMANEVAL | {"k": [1, 10]}]}, "k must not be above samples"),
    ("EvalJob", {"benchmarks": [HUMANEVAL | {"samples": 5}]}, "temperature 0"),
    ("EvalJob", {"deletionPolicy": "delete"}, "spec.deletionPolicy"),
]


@pytest.mark.parametrize(
    ("kind", "bad", "said"), REFUSED, ids=[f"{kind}-{said}" for kind, _, said in REFUSED]
)
def test_a_bad_spec_is_refused_by_name(
    server: ApiServer, kind: str, bad: dict[str, Any], said: str
) -> None:
    done = server.apply(wanted(kind, "bad", MINIMAL[kind] | bad))
    assert done.returncode != 0
    assert said in done.stderr
    with pytest.raises(specs.InvalidSpec):
        specs.parse(kind, MINIMAL[kind] | bad)


def fields(schema: dict[str, Any]) -> list[str]:
    """Return the names of all fields below a node, in kubectl's order."""
    children = schema.get("properties") or schema.get("items", {}).get("properties", {})
    return [name for key in sorted(children) for name in (key, *fields(children[key]))]


@pytest.mark.parametrize("kind", names.KINDS)
def test_explain_answers_every_field(server: ApiServer, kind: str) -> None:
    schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in ("spec", "status"):
        shown = server.kubectl("explain", "--recursive", f"{names.PLURALS[kind]}.{part}")
        lines = shown.partition("FIELDS:\n")[2].splitlines()
        told = [line.split("\t")[0].strip() for line in lines if "\t<" in line]
        assert told == fields(schema["properties"][part])


def test_explain_says_what_a_field_does(server: ApiServer) -> None:
    shown = server.kubectl("explain", "pretrainjob.spec.optimizer.warmupFraction")
    assert "Share of the steps in which the rate rises from zero." in shown


def test_the_category_lists_all_kinds_and_each_word_its_own(server: ApiServer) -> None:
    for kind, word in names.WORDS.items():
        server.apply(wanted(kind, "listed", MINIMAL[kind])).check_returncode()
        assert "MESSAGE" not in server.kubectl("get", word, "listed")
        assert "MESSAGE" in server.kubectl("get", word, "listed", "--output=wide")
    listed = server.kubectl("get", names.CATEGORY, "--output=name").split()
    assert {f"{kind.lower()}.{names.GROUP}/listed" for kind in names.KINDS} <= set(listed)


def test_status_is_a_subresource_and_conditions_merge_by_type(server: ApiServer) -> None:
    server.apply(wanted("EvalJob", "status", MINIMAL["EvalJob"])).check_returncode()
    for manager, kind in (("one", "Accepted"), ("two", "Complete")):
        condition = {"type": kind, "status": "True", "reason": "Valid"}
        patch = {
            "apiVersion": names.API_VERSION,
            "kind": "EvalJob",
            "metadata": {"name": "status", "namespace": "default"},
            "status": {"phase": "Running", "conditions": [condition]},
        }
        server.kubectl(
            *("apply", "--server-side", "--subresource=status", "-f", "-"),
            *("--force-conflicts", f"--field-manager={manager}"),
            stdin=yaml.safe_dump(patch),
        )
    stored = server.get("evaljobs", "status")
    assert [item["type"] for item in stored["status"]["conditions"]] == ["Accepted", "Complete"]
    assert stored["metadata"]["generation"] == 1
