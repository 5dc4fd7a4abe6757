"""Which insecure patterns a file teaches: injection, unsafe formats, weak ciphers, no verification.

The rules are data, a TOML file a family of languages in rules/insecure/. Fields of a rule:

    id          the table's name, with the family before it: python/sql-injection
    cwe         number in MITRE's Common Weakness Enumeration
    severity    high: it is an error wherever it stands; medium: it depends on where values come
                from; low: a habit that is better left
    about       what is wrong, and what to do instead
    hints       words, any case, one of which every finding holds
    pattern     regular expression that must match around a hint, for hints that are common
    query       tree-sitter query: a comment or a string that speaks of the pattern is no finding
    unless      regular expression that excuses the whole file

Parsing is the dear part, so a file without a hint is never parsed, and a query only runs around
its hints. For Python, `ruff --select S` is the reference in bench/corpus_secrets.py:
its rules carry no severity, and it reads files, which a stream of texts is not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from tree_sitter import Node, Query, QueryCursor

from oremill.specs.corpus import Insecure
from pipeline_steps.corpus import parsing, rules
from pipeline_steps.corpus.prefilter import Prefilter, windows

Severity = Literal["high", "medium", "low"]
# linguist's name -> the rules' file, the grammar as parsing names it
_GRAMMARS = {
    "Python": ("python", "python"),
    "JavaScript": ("javascript", "javascript"),
    "JSX": ("javascript", "javascript"),
    "TypeScript": ("javascript", "typescript:typescript"),
    "TSX": ("javascript", "typescript:tsx"),
    "Java": ("java", "java"),
    "Go": ("go", "go"),
    "PHP": ("php", "php:php"),
    "Ruby": ("ruby", "ruby"),
    "C": ("c", "c"),
    "C++": ("c", "cpp"),
}
LANGUAGES = tuple(_GRAMMARS)
SECRET = "hard-coded-secret"  # CWE-798; found by credentials, counted by redaction
AROUND = 400  # bytes on each side of a hint in which its pattern begins and ends


class Finding(NamedTuple):
    """An insecure pattern in a text."""

    rule: str
    severity: Severity
    cwe: str
    line: int  # the first is 1


class Judgement(NamedTuple):
    """What the policy makes of a text's findings."""

    drop: str  # rule that drops the file, or ""
    tags: tuple[str, ...]  # rules that it is tagged with, sorted


@dataclass(frozen=True)
class Rule:
    """A rule for one language."""

    name: str
    cwe: str
    severity: Severity
    about: str
    hints: tuple[str, ...]
    pattern: re.Pattern[bytes] | None
    query: Query
    unless: re.Pattern[bytes] | None


@dataclass(frozen=True)
class _Reader:
    grammar: str
    rules: tuple[Rule, ...]
    hints: Prefilter


def find(text: str, language: str) -> list[Finding]:
    """Return the insecure patterns of `text`, by line; none for a language without rules."""
    if language not in _GRAMMARS:
        return []
    reader, data = _reader(language), text.encode("utf-8", "surrogatepass")
    hits = reader.hints.find_bytes(data)
    fired = [(rule, at) for rule in reader.rules if (at := _places(rule, hits, data))]
    if not fired:
        return []
    tree = parsing.parsed(data, reader.grammar)
    assert tree is not None  # it had all the time that it took
    found = {one for rule, places in fired for one in _of(rule, tree.root_node, places, data)}
    return sorted(found, key=lambda one: (one.line, one.rule))


def judge(text: str, language: str, policy: Insecure, secrets: int = 0) -> Judgement:
    """Return what `policy` makes of a text.

    Args:
        text: whole content.
        language: linguist's name.
        policy: what happens by severity.
        secrets: how many secrets were found in the text (CWE-798, medium).
    """
    found = [(one.rule, one.severity) for one in find(text, language)]
    if secrets:
        found.append((SECRET, "medium"))
    does = {"high": policy.high, "medium": policy.medium, "low": policy.low}
    drops = [rule for rule, severity in found if does[severity] == "drop"]
    tags = {rule for rule, severity in found if does[severity] != "keep"}
    return Judgement(drops[0] if drops else "", tuple(sorted(tags)))


def catalogue(language: str) -> tuple[Rule, ...]:
    """Return the rules of a language."""
    return _reader(language).rules


@cache
def _reader(name: str) -> _Reader:
    file, grammar = _GRAMMARS[name]
    language = parsing.language_of(grammar)
    found = tuple(
        Rule(
            name=f"{file}/{key}",
            cwe=fields["cwe"],
            severity=fields["severity"],
            about=fields["about"],
            hints=tuple(hint.lower() for hint in fields["hints"]),
            pattern=re.compile(fields["pattern"].encode()) if "pattern" in fields else None,
            query=Query(language, fields["query"]),
            unless=re.compile(fields["unless"].encode()) if "unless" in fields else None,
        )
        for key, fields in rules.load(f"insecure/{file}.toml").items()
    )
    hints = Prefilter(hint for rule in found for hint in rule.hints)
    return _Reader(grammar, found, hints)


def _places(rule: Rule, hits: dict[str, list[int]], data: bytes) -> list[int]:
    """Return the bytes around which a finding of the rule may be."""
    found = [one for hint in rule.hints for one in hits.get(hint, ())]
    if found and rule.pattern:
        around = windows(found, 200, 200, len(data))
        found = [match.start() for at in around for match in rule.pattern.finditer(data, *at)]
    return [] if found and rule.unless and rule.unless.search(data) else found


def _of(rule: Rule, root: Node, places: list[int], data: bytes) -> Iterator[Finding]:
    cursor = QueryCursor(rule.query)
    for start, end in windows(places, AROUND, AROUND, len(data)):
        cursor.set_byte_range(start, end)
        for _, captures in cursor.matches(root):
            first = min(node.start_byte for nodes in captures.values() for node in nodes)
            yield Finding(rule.name, rule.severity, rule.cwe, data.count(b"\n", 0, first) + 1)
