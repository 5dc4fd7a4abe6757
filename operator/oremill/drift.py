"""Whether a live object still is what was applied: only fields that we set are compared."""

from typing import Any

from oremill import quantity

# Maps that the API server applies whole: a key more in one of them selects something else.
_ATOMIC = frozenset({"selector", "podSelector", "namespaceSelector", "nodeSelector"})
# Immutable fields that an older API server leaves out, however often they are applied.
_NEWER = frozenset({"successPolicy"})


def differs(wanted: Any, live: Any) -> bool:
    """Return whether `live` lacks or contradicts something in `wanted`.

    The API server adds defaults, drops empty lists and maps, and rewrites quantities; none of that
    is drift. Items of a list are paired by name where they have one.
    """
    if wanted in (None, [], {}):
        return live not in (None, [], {})
    if isinstance(wanted, dict):
        return not isinstance(live, dict) or any(
            (live.get(name) or {}) != value if name in _ATOMIC else differs(value, live.get(name))
            for name, value in wanted.items()
            if name in live or name not in _NEWER
        )
    if isinstance(wanted, list):
        return not isinstance(live, list) or _list_differs(wanted, live)
    if isinstance(wanted, str) and isinstance(live, str):
        return wanted != live and _quantity_differs(wanted, live)
    return bool(wanted != live)


def _list_differs(wanted: list[Any], live: list[Any]) -> bool:
    if len(wanted) != len(live):
        return True
    if all(isinstance(item, dict) and "name" in item for item in [*wanted, *live]):
        by_name = {item["name"]: item for item in live}
        return any(differs(item, by_name.get(item["name"])) for item in wanted)
    return any(differs(one, other) for one, other in zip(wanted, live, strict=True))


def _quantity_differs(wanted: str, live: str) -> bool:
    value = quantity.parse(wanted)
    return value is None or value != quantity.parse(live)
