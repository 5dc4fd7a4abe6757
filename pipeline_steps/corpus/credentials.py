"""Where the secrets of a text are: formats of well-known issuers, and values with telling names.

A pattern is tried only around a hint of it (gitleaks' idea), and what a pattern does not decide,
entropy, checksums and the looks of the value do. The formats are data: rules/secrets.toml.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pipeline_steps.corpus import assignments, looks, rules
from pipeline_steps.corpus.prefilter import Hits, Prefilter, windows

_LETTERS = re.compile(r"[A-Za-z0-9_-]{2,}(?=[\[A-Za-z0-9_-])")  # that a pattern begins with
_ALONE = r"(?<![A-Za-z0-9])(?P<secret>{})(?![A-Za-z0-9])"


class Span(NamedTuple):
    """A secret in a text, in characters."""

    start: int
    end: int
    kind: str  # name of the format, or "assignment"
    password: bool = False  # chosen by a person, not issued


@dataclass(frozen=True)
class Format:
    """One kind of secret; the fields are explained in rules/secrets.toml."""

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    begins: bool  # with a hint, so that it is not looked for anywhere else
    needs: re.Pattern[str] | None
    entropy: float
    check: str
    before: int
    reach: int
    password: bool


@cache
def formats() -> tuple[Format, ...]:
    """Return the formats of rules/secrets.toml."""
    groups = rules.load("secrets.toml").values()
    return tuple(_format(name, fields) for group in groups for name, fields in group.items())


def _format(name: str, fields: dict[str, Any]) -> Format:
    pattern, begins = fields["pattern"], _LETTERS.match(fields["pattern"])
    hints = tuple(fields.get("words", fields.get("hints", "").split()))
    if "(?P<" not in pattern:
        pattern = _ALONE.format(pattern)
    return Format(
        name=name,
        hints=hints,
        pattern=re.compile(pattern),
        begins=begins is not None and begins[0].lower().startswith(hints),
        needs=re.compile(fields["needs"]) if "needs" in fields else None,
        entropy=fields.get("entropy", 3.0),
        check=fields.get("check", ""),
        before=fields.get("before", 80),
        reach=fields.get("reach", 400),
        password=fields.get("password", False),
    )


@cache
def hints() -> frozenset[str]:
    """Return the words without one of which a text has no secret."""
    return frozenset([*assignments.WORDS, *(hint for one in formats() for hint in one.hints)])


@cache
def _prefilter() -> Prefilter:
    return Prefilter(hints())


@cache
def _numbers() -> dict[str, list[int]]:
    """Return hint -> the numbers of the formats that have it."""
    found: dict[str, list[int]] = {}
    for number, kind in enumerate(formats()):
        for hint in kind.hints:
            found.setdefault(hint.lower(), []).append(number)
    return found


def spans(text: str, hits: Hits | None = None) -> list[Span]:
    """Return the secrets of `text`, sorted, without overlaps.

    Args:
        text: whole content.
        hits: where `hints` are in it, if that is known.
    """
    hits = _prefilter().find(text) if hits is None else hits
    found = [*_issued(text, hits), *_named(text, hits)] if hits else []
    kept: list[Span] = []
    for one in sorted(found, key=lambda span: (span.start, -span.end, span.password)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _issued(text: str, hits: Hits) -> Iterator[Span]:
    likely = {number for hint in hits for number in _numbers().get(hint, ())}
    for kind in (formats()[number] for number in sorted(likely)):
        for match in _matches(kind, text, hits):
            place = next(name for name in match.groupdict() if match[name] and name != "host")
            if _is_secret(kind, match, match[place], text):
                yield Span(match.start(place), match.end(place), kind.name, kind.password)


def _matches(kind: Format, text: str, hits: Hits) -> Iterator[re.Match[str]]:
    offsets = sorted(one for hint in kind.hints for one in hits.get(hint, ()))
    for start, end in windows(offsets, kind.before, kind.reach, len(text)):
        if not kind.begins:
            yield from kind.pattern.finditer(text, start, end)
            continue
        done = start
        for offset in offsets[bisect_left(offsets, start) : bisect_left(offsets, end)]:
            match = kind.pattern.match(text, offset, end) if offset >= done else None
            if match:
                done = match.end()
                yield match


def _named(text: str, hits: Hits) -> Iterator[Span]:
    for start, end, password in assignments.find(text, hits):
        yield Span(start, end, "assignment", password)


def _is_secret(kind: Format, match: re.Match[str], value: str, text: str) -> bool:
    """Weigh what a format alone does not decide."""
    if kind.needs and not kind.needs.search(_line(text, match)):
        return False
    if kind.password:
        return _is_typed(kind, match, value)
    if kind.check == "crc32" and looks.has_crc(value):
        return True
    if kind.check == "basic":
        return looks.is_basic(value)
    if kind.check == "jwt" and looks.is_documented_jwt(value):
        return False
    if kind.check == "gibberish" and not looks.is_random(value):
        return False
    long = len(value) > 400  # a key in many lines: no stand-in, though it may hold "xxxx"
    return looks.entropy(value) >= kind.entropy and (long or not looks.stands_in(value))


def _is_typed(kind: Format, match: re.Match[str], value: str) -> bool:
    if kind.name != "url":
        return looks.is_password(value)
    return looks.is_url_password(value) and not match["host"].lower().startswith("example.")


def _line(text: str, match: re.Match[str]) -> str:
    end = text.find("\n", match.end())
    return text[text.rfind("\n", 0, match.start()) + 1 : end if end >= 0 else len(text)]
