"""People whom the headers of a text name: @author, Copyright (c), Author:.

Names of one word stay, as in BigCode's pii_redaction, and so do firms, teams and projects.
"""

import re
from collections.abc import Iterator
from functools import cache

from pipeline_steps.corpus import rules
from pipeline_steps.corpus.prefilter import Hits, Prefilter

Edit = tuple[int, int, str]  # start, end, what it was

TITLES = (
    "author", "copyright", "(c)", "maintain", "written by", "created by", "contribut",
    "developed by", "modified by", "developer", "programmer", "credits",
)  # fmt: skip
_CAPITAL = "[A-Z\u00c0-\u00d6\u00d8-\u00de]"
_WORD = rf"(?:(?:{_CAPITAL}\.-?){{1,3}}|{_CAPITAL}(?:[\w-]|['\u2019](?=\w)){{0,24}})"
_JOIN = r"[ \t]+(?:(?:van|von|der|den|de|da|di|du|la|le|bin|al|el|dos|del)[ \t]+){0,2}"
_NAME = re.compile(rf"{_WORD}(?:{_JOIN}{_WORD}){{1,3}}(?:,?[ \t]+[JS]r\.)?")
_ROLES = "authors?|maintainers?|contributors?|developers?|programmers?|credits"
_DEEDS = "maintained|written|created|contributed|developed|modified"
_SIGN = r"(?:copyright|\u00a9|\(c\)|&copy;)"
_HEADER = re.compile(
    rf"(?i:(?<=[@\\])authors?\b|(?<=__)(?:{_ROLES})__\s*=|\b(?:{_ROLES})\b[\"']?\s*(?::|=|by\b)"
    rf"|\b(?P<by>(?:{_DEEDS})[ \t]+by\b)"
    rf"|(?:{_SIGN}[ \t]*)*(?:copyright(?:text:?)?|{_SIGN}(?=[ \t]*\d))"
    rf"(?:[ \t]*{_SIGN})*[\d, \t\u2013-]{{0,60}}(?:present)?[ \t]*(?:by\b)?)"
    r"[ \t:=\[\"'(]*(?:by[ \t]+)?(?P<names>[^\n]{3,200})"
)
_BETWEEN = re.compile(
    r"[ \t]*(?:<[^<>\n]*>|\([^()\n]*\))?[ \t]*(?:,|;|&|\band\b|/|\|)[\"']?[ \t]*[\"']?"
)
_FIRM = re.compile(rf"(?i)\b(?:{'|'.join(rules.load('people.toml')['firms'])})\b")
_FIRM_AFTER = re.compile(r"(?i)[ ,.]{1,3}(?:inc|llc|ltd|gmbh|corp|co|ag|sa|bv|plc|pty|s\.a)\b")


@cache
def _titles() -> Prefilter:
    return Prefilter(TITLES)


def names(text: str, hits: Hits | None = None) -> Iterator[Edit]:
    """Yield the people in headers: @author, Copyright (c), Author:; firms and teams stay.

    Args:
        text: whole content.
        hits: where TITLES are in it, if that is known.
    """
    hits = _titles().find(text) if hits is None else hits
    starts = {one for title in TITLES for one in hits.get(title, ())}
    if "\u00a9" in text:
        starts |= {found.start() for found in re.finditer("\u00a9", text)}
    done = 0
    for start in sorted(starts):
        if start < done:
            continue
        match = _HEADER.match(text, start, start + 400)
        if match and not _is_prose(text, match):
            for edit in _people(text, match.start("names"), match.end("names")):
                yield edit
                done = edit[1]


def _is_prose(text: str, match: re.Match[str]) -> bool:
    """Return whether "written by" stands inside a sentence, where things are made by things."""
    line = text[max(text.rfind("\n", 0, match.start()) + 1, match.start() - 80) : match.start()]
    return bool(match["by"]) and len(re.findall(r"[^\W\d_]+", line)) > 1


def _people(text: str, position: int, end: int) -> Iterator[Edit]:
    """Yield names from `position` on, as long as one follows the other."""
    while match := _NAME.match(text, position, end):
        if _FIRM.search(match[0]) or _FIRM_AFTER.match(text, match.end()):
            return
        yield match.start(), match.end(), match[0]
        between = _BETWEEN.match(text, match.end(), end)
        if not between:
            return
        position = between.end()
