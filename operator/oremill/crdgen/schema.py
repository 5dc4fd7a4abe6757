"""From pydantic's JSON schema to the structural schema that the API server accepts.

A structural schema knows no $ref, null type, const or numeric exclusive bound, and forbids
`additionalProperties: false` beside properties (kubectl refuses unknown fields, the server prunes
them). See "Specifying a structural schema" in Kubernetes' page on CustomResourceDefinitions.
"""

from typing import Any

from oremill.specs import Model
from oremill.specs.rules import CEL

Schema = dict[str, Any]

# Lists whose items are known by a field: the server refuses doubles and merges item by item.
LIST_KEYS = {
    "Condition": "type", "EnvVar": "name", "LanguageCap": "name", "Result": "name",
    "Source": "name",
}  # fmt: skip

_KEPT = (
    "description", "type", "format", "enum", "pattern", "minLength", "maxLength", "minItems",
    "maxItems", "maxProperties", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "required", "x-kubernetes-int-or-string", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", "x-kubernetes-validations",
)  # fmt: skip
_FORMATS = {"integer": "int64", "number": "double"}


def structural(model: type[Model], *, defaults: bool = True) -> Schema:
    """Return the structural schema of `model`; without defaults for a status, written whole."""
    root = model.model_json_schema()
    found = _node(root, root.get("$defs", {}))
    return found if defaults else _without_defaults(found)


def _node(node: Schema, defs: dict[str, Schema]) -> Schema:
    """Return one node and all below it in structural form."""
    flat = _bounded(_flattened(node, defs))
    out = {key: flat[key] for key in _KEPT if key in flat}
    default = flat.get("default")
    if "properties" in flat:
        children = _with_defaults(flat["properties"], default)
        out["properties"] = {name: _node(child, defs) for name, child in children.items()}
        # The server fills nested defaults only below a parent that is there.
        if default is not None and any("default" in child for child in out["properties"].values()):
            out["default"] = {}
    elif default not in (None, [], {}):  # an empty list or map means what its absence means
        out["default"] = default
    for word in ("items", "additionalProperties"):
        if isinstance(flat.get(word), dict):
            out[word] = _node(flat[word], defs)
    return out


def _flattened(node: Schema, defs: dict[str, Schema]) -> Schema:
    """Resolve `$ref` and `anyOf [T, null]`, and add what the model's name tells."""
    if "anyOf" in node:
        (only,) = (arm for arm in node["anyOf"] if arm != {"type": "null"})
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return _flattened({**only, **rest}, defs)
    if "$ref" in node:
        name = _target(node)
        rules = [{"rule": rule, "message": message} for rule, message in CEL.get(name, ())]
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return {**defs[name], **({"x-kubernetes-validations": rules} if rules else {}), **rest}
    key = LIST_KEYS.get(_target(node.get("items", {})))
    listed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]} if key else {}
    return {**node, **listed}


def _target(node: Schema) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]


def _bounded(node: Schema) -> Schema:
    """Return const as enum, exclusive bounds as booleans, and numbers with their format."""
    out = dict(node)
    if "const" in out:
        out["enum"] = [out.pop("const")]
    for bound, strict in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if strict in out:
            out[bound], out[strict] = out[strict], True
    if out.get("x-kubernetes-int-or-string"):
        del out["type"]
        for bound, name in (("minimum", "ge"), ("maximum", "le")):
            if name in out:  # pydantic leaves the bound of a validated type under its Python name
                out[bound] = out.pop(name)
    elif out.get("type") in _FORMATS:
        out["format"] = _FORMATS[out["type"]]
    return out


def _with_defaults(properties: dict[str, Schema], given: Schema | None) -> dict[str, Schema]:
    """Return the properties of a part under the defaults that its owner gives it."""
    return {
        name: {**child, "default": given[name]} if given and name in given else child
        for name, child in properties.items()
    }


def _without_defaults(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_defaults(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _without_defaults(child) for name, child in value.items()}
        if key == "properties"
        else _without_defaults(value)
        for key, value in node.items()
        if key != "default"
    }
