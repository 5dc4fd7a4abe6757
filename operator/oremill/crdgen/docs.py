"""The reference page of the six kinds, from the same schemas as the CRDs."""

import json
from collections.abc import Iterator
from typing import Any

from oremill import names
from oremill.crdgen.schema import Schema

HEAD = f"""# Reference: the six kinds

Generated from `operator/oremill/specs` by `make generate`; do not edit.
All kinds are of `{names.API_VERSION}` and namespaced; references and Secrets are of the object's
own namespace. A field without a default and without **required** may be left out. A count is a
whole number or one like 500K, 12M, 1.5B. `kubectl explain` shows the same fields.
"""


def page(definitions: list[dict[str, Any]]) -> str:
    """Return docs/reference/crds.md."""
    schemas = [(item, _schema(item)) for item in definitions]
    status = _table("status", schemas[0][1]["properties"]["status"])
    kinds = "\n".join(_section(item, schema) for item, schema in schemas)
    return f"{HEAD}\n{kinds}\n## Status (alike for all kinds)\n\n{status}"


def _schema(item: dict[str, Any]) -> Schema:
    schema: Schema = item["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _section(item: dict[str, Any], schema: Schema) -> str:
    called = item["spec"]["names"]
    get = f"`kubectl get {called['plural']}`, or `{called['shortNames'][0]}`."
    table = _table("spec", schema["properties"]["spec"])
    return f"## {called['kind']}\n\n{schema['description']} {get}\n\n{table}"


def _table(path: str, schema: Schema) -> str:
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _rows(path, schema))
    return f"| field | type | default | allowed | what it is |\n|---|---|---|---|---|\n{rows}"


def _rows(path: str, schema: Schema) -> Iterator[tuple[str, ...]]:
    for name, child in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        given = "**required**" if name in schema.get("required", ()) else _default(child)
        text = child["description"].replace("|", "\\|").replace("<", "&lt;")
        yield f"`{where}`", _type(child), given, _allowed(child), text
        yield from _rows(where, child)
        yield from _rows(f"{where}[]", child.get("items", {}))


def _type(schema: Schema) -> str:
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map to {_type(schema['additionalProperties'])}"
    if "x-kubernetes-int-or-string" in schema:
        return "count" if "minimum" in schema else "quantity"
    return str(schema["type"])


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default in (None, {}) else f"`{json.dumps(default)}`"


def _allowed(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" if value else "empty" for value in schema["enum"])
    below, above = (
        ">" if schema.get("exclusiveMinimum") else "≥",
        "<" if schema.get("exclusiveMaximum") else "≤",
    )
    bounds = [
        f"{sign} {schema[key]:,}{unit}"
        for key, sign, unit in (
            ("minimum", below, ""),
            ("maximum", above, ""),
            ("minItems", "≥", " items"),
            ("maxItems", "≤", " items"),
            ("maxProperties", "≤", " entries"),
            ("maxLength", "≤", " characters"),
        )
        if key in schema
    ]
    return ", ".join(bounds)
