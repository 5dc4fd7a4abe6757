"""What a spec asks of a corpus, field by field, with the value that counts and where it is from."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from oremill.specs.common import PLACEMENT, Model
from oremill.specs.corpus import DataCorpusSpec, Quality
from oremill.specs.thresholds import Thresholds, resolved

SPEC, DEFAULT = "the spec", "the default"


class Asked(NamedTuple):
    """A field that shapes the corpus."""

    field: str  # as the user writes it, without "spec."
    value: str  # JSON
    origin: str  # SPEC, DEFAULT or a preset's name


def asked(spec: DataCorpusSpec) -> list[Asked]:
    """Return every field that has a value; a threshold that nobody sets is off, and left out."""
    return list(_fields(spec, ""))


def _fields(model: Model, where: str) -> Iterator[Asked]:
    bounds = resolved(model.preset, model) if isinstance(model, Quality) else Thresholds()
    for name, info in type(model).model_fields.items():
        field, value = f"{where}{info.alias or name}", getattr(model, name)
        origin = DEFAULT if value == info.default else SPEC
        if value is None and getattr(bounds, name, None) is not None:
            value, origin = getattr(bounds, name), f"preset {getattr(model, 'preset', '')}"
        if PLACEMENT in info.metadata or value is None:
            continue
        if isinstance(value, Model):
            yield from _fields(value, f"{field}.")
        elif isinstance(value, list) and value and isinstance(value[0], Model):
            for number, item in enumerate(value):
                yield Asked(f"{field}[{number}]", shown(item), origin)
        else:
            yield Asked(field, shown(value), origin)


def shown(value: Any) -> str:
    """Return a value as JSON; of a part of a spec, what differs from its default."""
    if isinstance(value, Model):
        value = value.model_dump(by_alias=True, mode="json", exclude_defaults=True)
    return json.dumps(value, ensure_ascii=False)
