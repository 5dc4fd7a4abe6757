"""What judge and runner exchange: limits, and values as JSON of built-in types, by exact type.

A candidate's value crosses from its process to the judge in this form. An instance of a subclass
(an int whose `__eq__` always agrees), a lazy object or a cycle has no form, and nothing of it is
ever unpickled or called on the judge's side.

None, booleans, strings, lists and short integers are themselves; the rest is {type: content}.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 100  # nested containers; deeper or cyclic values have no form
SHORT_INT_BITS = 64  # longer ones go as hexadecimal: reading a long decimal takes quadratic time


@dataclass(frozen=True)
class Limits:
    """What one execution, or one session, may use."""

    wall_seconds: float
    memory_bytes: int
    output_bytes: int  # printed, and again of results


class Unrepresentable(ValueError):
    """The value is not made of plain built-in types."""


def encode(value: Any, depth: int = 0) -> Any:
    """Return `value` as an object that `json` writes.

    Raises:
        Unrepresentable: names the type that has no form.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if value.bit_length() <= SHORT_INT_BITS else {"int": hex(value)}
    if kind is float:
        return {"float": value.hex()}
    if kind is complex:
        return {"complex": [value.real.hex(), value.imag.hex()]}
    if kind is bytes:
        return {"bytes": value.hex()}
    return _container(value, kind, depth)


def _container(value: Any, kind: type, depth: int) -> Any:
    if depth == MAX_DEPTH:
        raise Unrepresentable(f"containers nested deeper than {MAX_DEPTH}")
    if kind is list:
        return [encode(item, depth + 1) for item in value]
    if kind is tuple or kind is set or kind is frozenset:
        return {kind.__name__: [encode(item, depth + 1) for item in value]}
    if kind is dict:
        items = value.items()
        return {"dict": [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in items]}
    raise Unrepresentable(f"a {kind.__name__}")


def decode(form: Any) -> Any:
    """Return the value of a form.

    Raises:
        ValueError: it is no form; a hostile sender may send anything.
    """
    if form is None or isinstance(form, bool | str | int):
        return form
    if isinstance(form, list):
        return [decode(item) for item in form]
    try:
        (pair,) = form.items()
        return _DECODERS[pair[0]](pair[1])
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError("not the form of a value") from error


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "int": lambda content: int(content, 16),
    "float": float.fromhex,
    "complex": lambda content: complex(*map(float.fromhex, content)),
    "bytes": bytes.fromhex,
    "tuple": lambda content: tuple(map(decode, content)),
    "set": lambda content: set(map(decode, content)),
    "frozenset": lambda content: frozenset(map(decode, content)),
    "dict": lambda content: {decode(key): decode(item) for key, item in content},
}
