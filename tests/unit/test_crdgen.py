"""From pydantic to CRDs: a row a rule, and the promises that hold for all six."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from oremill import names
from oremill.crdgen.__main__ import VALUES, files
from oremill.crdgen.crd import definition
from oremill.crdgen.schema import structural
from oremill.specs.common import Count, EnvVar, Model, Quantity, Ref
from oremill.specs.corpus import Contamination

ROOT = Path(__file__).parents[2]
GENERATED = files(ROOT)


class Part(Model):
    """A part."""

    size: int = 1
    """A size."""
    note: str | None = None
    """A note."""


class Sample(Model):
    """A field for each rule."""

    plain: str
    ref: Ref
    optional_ref: Ref | None = None
    optional: Annotated[int, Field(ge=1)] | None = None
    only: Literal["one"] = "one"
    choice: Literal["", "a"] = ""
    above: Annotated[float, Field(gt=0, le=1)] = 0.5
    below: Annotated[int, Field(ge=0, lt=9)] = 0
    flag: bool = False
    count: Annotated[Count, Field(ge=1)] = 5
    quantity: Quantity | None = None
    part: Part = Field(default=Part())
    larger: Part = Field(default=Part(size=7))
    listed: Annotated[list[str], Field(max_length=3)] = Field(default=["a"])
    empty: list[Part] = Field(default=[])
    keyed: list[EnvVar] = Field(default=[])
    mapped: Annotated[dict[str, Quantity], Field(max_length=2)] = Field(default={})


NAME = {"type": "string", "minLength": 1, "maxLength": 253}
RULES: list[tuple[str, dict[str, Any]]] = [
    ("plain", {"type": "string"}),
    ("ref", {"type": "object", "required": ["name"], "properties": {"name": NAME}}),
    ("optionalRef", {"type": "object", "required": ["name"], "properties": {"name": NAME}}),
    ("optional", {"type": "integer", "format": "int64", "minimum": 1}),
    ("only", {"type": "string", "enum": ["one"], "default": "one"}),
    ("choice", {"type": "string", "enum": ["", "a"], "default": ""}),
    (
        "above",
        {
            "type": "number",
            "format": "double",
            "minimum": 0,
            "exclusiveMinimum": True,
            "maximum": 1,
            "default": 0.5,
        },
    ),
    (
        "below",
        {
            "type": "integer",
            "format": "int64",
            "minimum": 0,
            "maximum": 9,
            "exclusiveMaximum": True,
            "default": 0,
        },
    ),
    ("flag", {"type": "boolean", "default": False}),
    ("count", {"x-kubernetes-int-or-string": True, "minimum": 1, "maximum": 10**15, "default": 5}),
    ("quantity", {"x-kubernetes-int-or-string": True, "maxLength": 32}),
    (
        "part",
        {
            "type": "object",
            "default": {},
            "properties": {
                "size": {"type": "integer", "format": "int64", "default": 1},
                "note": {"type": "string"},
            },
        },
    ),
    (
        "larger",
        {
            "type": "object",
            "default": {},
            "properties": {
                "size": {"type": "integer", "format": "int64", "default": 7},
                "note": {"type": "string"},
            },
        },
    ),
    ("listed", {"type": "array", "items": {"type": "string"}, "maxItems": 3, "default": ["a"]}),
    (
        "empty",
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "format": "int64", "default": 1},
                    "note": {"type": "string"},
                },
            },
        },
    ),
    (
        "keyed",
        {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "properties": {
                    "name": {"type": "string", "maxLength": 253},
                    "value": {"type": "string", "maxLength": 4096},
                },
            },
        },
    ),
    (
        "mapped",
        {
            "type": "object",
            "additionalProperties": {"x-kubernetes-int-or-string": True, "maxLength": 32},
            "maxProperties": 2,
        },
    ),
]


def without(node: Any, *keys: str) -> Any:
    """Return a schema without its prose and patterns, which other tests look at."""
    if isinstance(node, dict):
        return {key: without(value, *keys) for key, value in node.items() if key not in keys}
    return node


@pytest.mark.parametrize(("field", "schema"), RULES, ids=[field for field, _ in RULES])
def test_a_field_in_structural_form(field: str, schema: dict[str, Any]) -> None:
    found = structural(Sample)["properties"][field]
    assert without(found, "description", "pattern") == schema


def test_required_are_the_fields_without_a_default() -> None:
    assert structural(Sample)["required"] == ["plain", "ref"]


def test_a_model_brings_its_cel_rules() -> None:
    class Holder(Model):
        items: list[Contamination] = Field(default=[])

    (rule,) = structural(Holder)["properties"]["items"]["items"]["x-kubernetes-validations"]
    assert rule["message"] == "give exactly one of benchmark and key"


def test_a_status_has_no_defaults() -> None:
    assert structural(Sample, defaults=False) == without(structural(Sample), "default")


def nodes(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every node below a schema, with its path."""
    children = dict(schema.get("properties", {}))
    children |= {
        f"[{key}]": schema[key] for key in ("items", "additionalProperties") if key in schema
    }
    for name, child in children.items():
        yield f"{path}.{name}", child
        yield from nodes(f"{path}.{name}", child)


def every_node() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in names.KINDS:
        schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        yield from nodes(kind, schema["properties"]["spec"])
        yield from nodes(kind, schema["properties"]["status"])


def test_every_field_is_described() -> None:
    bare = [path for path, node in every_node() if "description" not in node and "]" not in path]
    assert bare == []


def test_every_list_and_map_is_bounded() -> None:
    """Else the cost of a CEL rule over it has no bound, and one object can fill etcd."""
    bounds = {"array": "maxItems", "object": "maxProperties"}
    unbounded = [
        path
        for path, node in every_node()
        if (node.get("type") == "array" or "additionalProperties" in node)
        and bounds[node["type"]] not in node
    ]
    assert unbounded == []


def test_every_key_is_legal_in_a_structural_schema() -> None:
    forbidden = {"$ref", "anyOf", "const", "title", "$defs", "ge", "le", "gt", "lt"}
    assert [path for path, node in every_node() if forbidden & set(node)] == []
    assert [path for path, node in every_node() if node.get("additionalProperties") is False] == []


@pytest.mark.parametrize("path", GENERATED)
def test_a_generated_file_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == GENERATED[path], "run `make generate`"


@pytest.mark.parametrize("kind", names.KINDS)
def test_a_crd_is_at_most_100_kb(kind: str) -> None:
    text = GENERATED[f"crds/{names.PLURALS[kind]}.{names.GROUP}.yaml"]
    assert len(text.encode()) <= 100_000


def test_short_names_differ_and_shadow_no_kubernetes_resource() -> None:
    short = [
        name for kind in names.KINDS for name in definition(kind)["spec"]["names"]["shortNames"]
    ]
    assert len(set(short)) == len(names.KINDS)
    assert not set(short) & {"ev", "dc", "po", "pv", "pvc", "svc", "sts", "ds", "cm", "ep", "sa"}


def test_check_names_a_stale_file_and_generate_mends_it(tmp_path: Path) -> None:
    def crdgen(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "oremill.crdgen", "--root", str(tmp_path), *words]
        environment = {"PYTHONPATH": str(ROOT / "operator")}
        return subprocess.run(command, env=environment, text=True, capture_output=True, check=False)

    (tmp_path / VALUES).parent.mkdir(parents=True)
    shutil.copy(ROOT / VALUES, tmp_path / VALUES)
    assert crdgen().returncode == 0
    assert crdgen("--check").returncode == 0
    stale = tmp_path / "crds/sftjobs.oremill.dev.yaml"
    stale.write_text(stale.read_text() + "# edited\n")
    checked = crdgen("--check")
    assert (checked.returncode, stale.name in checked.stderr) == (1, True)
    assert crdgen().stdout == "wrote crds/sftjobs.oremill.dev.yaml\n"
    assert crdgen("--check").returncode == 0


def test_the_message_is_a_column_of_wide_output_alone() -> None:
    columns = definition("EvalJob")["spec"]["versions"][0]["additionalPrinterColumns"]
    wide = {column["name"]: column["jsonPath"] for column in columns if column.get("priority")}
    assert wide == {"Message": ".status.message"}
