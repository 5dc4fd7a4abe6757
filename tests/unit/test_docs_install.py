"""The YAML of docs/install.md is taken by the chart and by the contract."""

import re
from pathlib import Path
from typing import Any

import yaml

from oremill.specs.common import Storage
from tests.chart import template

PAGE = (Path(__file__).parents[2] / "docs/install.md").read_text()


def example(kind: str) -> dict[str, Any]:
    found = re.search(rf"^```yaml {kind}\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/install.md has no example of {kind}"
    return dict(yaml.safe_load(found[1]))


def test_the_chart_takes_the_values() -> None:
    done = template(example("values"))
    assert done.returncode == 0, done.stderr
    for shown in ("registry.example.com/team/oremill-operator:", '"caName": "s3-ca"', "=team-a"):
        assert shown in done.stdout


def test_the_contract_takes_the_bucket_of_one_object() -> None:
    Storage.model_validate(example("storage"))
