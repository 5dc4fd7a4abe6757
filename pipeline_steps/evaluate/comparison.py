"""When two values are the same: by type and by value, since True is not 1 and 1 is not 1.0.

Both sides are plain built-in values by now (sandbox/wire.py), so no `==` of a candidate runs here.
"""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tolerance:
    """How far floats may be apart: absolute or relative, whichever is wider."""

    absolute: float = 0.0
    relative: float = 0.0


EXACT = Tolerance()


def same(value: Any, expected: Any, tolerance: Tolerance = EXACT) -> bool:
    """Say whether a value is the expected one."""
    if type(value) is not type(expected):
        return False
    if isinstance(expected, float):
        return _same_float(value, expected, tolerance)
    if isinstance(expected, list | tuple):
        return len(value) == len(expected) and all(
            same(one, other, tolerance) for one, other in zip(value, expected, strict=True)
        )
    if isinstance(expected, dict):
        return value.keys() == expected.keys() and _same_entries(value, expected, tolerance)
    if isinstance(expected, set | frozenset):
        return bool(_typed(value) == _typed(expected))
    return bool(value == expected)


def _same_float(value: float, expected: float, tolerance: Tolerance) -> bool:
    if math.isnan(value) or math.isnan(expected):
        return math.isnan(value) and math.isnan(expected)
    return math.isclose(value, expected, rel_tol=tolerance.relative, abs_tol=tolerance.absolute)


def _same_entries(value: dict[Any, Any], expected: dict[Any, Any], tolerance: Tolerance) -> bool:
    """Compare dicts whose keys are equal by `==`; {1: ...} and {True: ...} still differ."""
    return _typed(value) == _typed(expected) and all(
        same(value[key], expected[key], tolerance) for key in expected
    )


def _typed(keys: Any) -> set[tuple[type, Any]]:
    return {(type(key), key) for key in keys}
