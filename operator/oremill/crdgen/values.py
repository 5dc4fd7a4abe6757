"""The reference page of the chart's values: each value's comment and default in values.yaml."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

HEAD = """# Reference: the chart's values

Generated from `helm/oremill/values.yaml` by `make generate`; do not edit.
`values.schema.json` refuses names and values that are not allowed.

| value | default | what it is |
|---|---|---|
"""


def page(text: str) -> str:
    """Return docs/reference/helm-values.md from the text of values.yaml."""
    rows = (f"| `{path}` | `{default}` | {comment} |\n" for path, default, comment in rows_of(text))
    return HEAD + "".join(rows)


def rows_of(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, default and comment of every value; a group's comment stays out.

    A comment stands above its key, a value on its key's line, a level is two spaces.
    """
    values, path, comment = yaml.safe_load(text), [""], ""
    for line in text.splitlines():
        word = line.strip()
        if word.startswith("#"):
            comment = f"{comment} {word.lstrip('# ')}".strip()
            continue
        if word and not word.startswith("-"):
            depth = (len(line) - len(line.lstrip())) // 2
            path = [*path[:depth], word.partition(":")[0]]
            if comment and not word.endswith(":"):
                yield ".".join(path), json.dumps(_at(values, path)), comment
        comment = ""


def _at(values: Any, path: list[str]) -> Any:
    for name in path:
        values = values[name]
    return values
