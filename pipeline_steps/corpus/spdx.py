"""SPDX licence expressions: what they mean, and whether a list of licences allows them.

Parsed by the library license-expression, which knows SPDX's identifiers, old names of licences
(`GPL-2.0` for `GPL-2.0-only`) and the precedence of AND over OR.
"""

import difflib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from license_expression import ExpressionError, LicenseWithExceptionSymbol, get_spdx_licensing

from oremill.specs.allowlists import ALLOW_LISTS, AllowList
from oremill.specs.corpus import Licences
from pipeline_steps.errors import UserError

Allowed = frozenset[str] | None  # None allows whatever is known


@lru_cache(maxsize=1)  # the library makes its table of licences again for each call
def _spdx() -> Any:
    return get_spdx_licensing()


@lru_cache(maxsize=4096)
def canonical(expression: str) -> str:
    """Return an expression in SPDX's own spelling, or as it is when it cannot be parsed."""
    parsed = _parsed(expression)
    return expression if parsed is None else str(parsed)


def both(expressions: Iterable[str]) -> str:
    """Return the expression by which all the given ones bind at once, or "" for none."""
    parts = sorted({canonical(expression) for expression in expressions})
    if len(parts) < 2:
        return "".join(parts)
    return " AND ".join(f"({part})" if " OR " in part else part for part in parts)


def is_allowed(expression: str, allowed: Allowed) -> bool:
    """Return whether an expression can be met with allowed licences alone.

    `A OR B` is a choice, `A AND B` binds twice, and an exception (`A WITH e`) permits more, so it
    needs no permission of its own. What cannot be parsed, or names a licence of nobody's list, is
    not allowed; with no list at all, an identifier that is a licence's is.
    """
    parsed = _parsed(expression)
    return parsed is not None and _met(parsed, allowed)


def allowed(rules: Licences) -> Allowed:
    """Return the identifiers that a spec allows, in SPDX's newest spelling.

    Raises:
        UserError: `allow` names no licence.
    """
    return _allowed(rules.preset, tuple(rules.allow))


@lru_cache(maxsize=16)
def _allowed(preset: AllowList, own: tuple[str, ...]) -> Allowed:
    for index, name in enumerate(own):
        if not is_known(name):
            where = f"spec.licences.allow[{index}]"
            raise UserError(f"{where}: {name!r} is no SPDX identifier{_hint(name)}")
    given = own or ALLOW_LISTS[preset]
    return None if given is None else frozenset(map(canonical, given))


def _met(node: Any, allowed: Allowed) -> bool:
    if isinstance(node, LicenseWithExceptionSymbol):
        return _is_in(str(node), allowed) or _is_in(node.license_symbol.key, allowed)
    if not getattr(node, "args", ()):
        return _is_in(str(node), allowed)
    choose = any if node.operator.strip() == "OR" else all
    return choose(_met(part, allowed) for part in node.args)


def _is_in(name: str, allowed: Allowed) -> bool:
    return is_known(name) if allowed is None else name in allowed


def is_known(name: str) -> bool:
    """Return whether SPDX, or who adds to it, lists a licence (and each part of `A WITH e`)."""
    try:
        return bool(name) and not _spdx().unknown_license_keys(name)
    except ExpressionError:
        return False


@lru_cache(maxsize=4096)
def _parsed(expression: str) -> Any:
    try:
        return _spdx().parse(expression)
    except ExpressionError:
        return None


def _hint(name: str) -> str:
    found = difflib.get_close_matches(name, list(_spdx().known_symbols), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def is_licence(name: str) -> bool:
    """Return whether a name is that of a licence, and not of an exception."""
    symbol = _spdx().known_symbols.get(name)
    return symbol is not None and not symbol.is_exception
