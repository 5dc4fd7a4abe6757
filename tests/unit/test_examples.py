"""Every example is a legal spec, small, and made of names that exist."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from oremill import names, specs

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(path.read_text()) if item]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_document_parses(path: Path) -> None:
    for item in documents(path):
        assert item["apiVersion"] == names.API_VERSION
        specs.parse(item["kind"], item["spec"])


@pytest.mark.parametrize("kind", names.KINDS)
def test_each_kind_has_a_minimal_example_under_twenty_lines(kind: str) -> None:
    text = (EXAMPLES / f"{names.WORDS[kind]}.yaml").read_text()
    (item,) = yaml.safe_load_all(text)
    assert item["kind"] == kind
    assert len(text.splitlines()) < 20


def test_the_pipeline_has_the_six_kinds_in_their_order() -> None:
    assert [item["kind"] for item in documents(EXAMPLES / "pipeline.yaml")] == list(names.KINDS)


def test_every_reference_of_the_pipeline_is_made_by_it() -> None:
    items = documents(EXAMPLES / "pipeline.yaml")
    made = {(item["kind"], item["metadata"]["name"]) for item in items}
    kinds = {"corpusRef": "DataCorpus", "tokenizerRef": "TokenizerJob"}
    for spec in (item["spec"] for item in items):
        named = {(kinds[key], spec[key]["name"]) for key in kinds if key in spec}
        models = [spec["modelRef"]] if "modelRef" in spec else spec.get("models", [])
        assert named | {(ref["kind"], ref["name"]) for ref in models} <= made
