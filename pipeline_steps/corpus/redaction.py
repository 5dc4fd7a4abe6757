"""Replace secrets and people by placeholders, and keep text from spelling a special token.

The placeholders are single tokens of the tokenizer. First every spelling of a special token in
the input is cut apart by a space: after this stage a special token in a document is always one
that we wrote. Then passes run until one finds nothing, so redacting twice is redacting once: what
one pass replaced may have hidden something from it (a word on the same line that excused a value).

A public address of a machine becomes one of BigCode's fixed private ones, the same for the same
address: code that reads addresses goes on to make sense.
"""

import re
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from oremill.specs.corpus import Redaction
from pipeline_steps import sentinels
from pipeline_steps.corpus import addresses, credentials, headers
from pipeline_steps.corpus.prefilter import Hits, Prefilter

_SPELLED = re.compile("|".join(map(re.escape, sentinels.SPECIAL)))
# The replacements of bigcode-dataset's pii_redaction.
PRIVATE_IPV4 = ("172.16.31.10", "172.16.58.3", "172.16.17.32", "192.168.127.12", "192.168.3.11")
PRIVATE_IPV6 = (
    "fd00:c2b6:b24b:be67:2827:688d:e6a1:6a3b", "fd00:a516:7c1b:17cd:6d81:2137:bd2a:2c5b",
    "fc00:e968:6179::de52:7100", "fc00:db20:35b:7399::5", "fdf8:f53e:61e4::18",
)  # fmt: skip


class Edit(NamedTuple):
    """What is put in the place of what."""

    start: int
    end: int
    new: str
    counter: str  # field of Redacted


@dataclass(frozen=True)
class Redacted:
    """A text without secrets and people, and how much of each was replaced."""

    text: str
    secrets: int = 0
    passwords: int = 0
    emails: int = 0
    addresses: int = 0
    names: int = 0


def redact(text: str, rules: Redaction) -> Redacted:
    """Return `text` as it may be learned from."""
    text = cut_apart(text)
    counts: Counter[str] = Counter()
    while True:
        text, found = _pass(text, rules)
        if not found:
            return Redacted(text, **counts)
        counts += found


def cut_apart(text: str) -> str:
    """Return `text` with a space after the first character of every special token it spells."""
    if "<|" not in text:
        return text
    return _SPELLED.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)


def _pass(text: str, rules: Redaction) -> tuple[str, Counter[str]]:
    """Replace what is found, kind by kind: a password in a URL would look like a mail address."""
    counts: Counter[str] = Counter()
    for find in (_credentials, _emails, _addresses, _names):
        edits = find(text, rules)
        text = _edited(text, edits)
        counts.update(edit.counter for edit in edits)
    return text, counts


@cache
def _prefilter() -> Prefilter:
    return Prefilter([*credentials.hints(), *headers.TITLES])


@lru_cache(maxsize=1)  # most texts are the same after a kind as before it
def _hits(text: str) -> Hits:
    return _prefilter().find(text)


def _edited(text: str, edits: list[Edit]) -> str:
    parts, position = [], 0
    for edit in edits:
        parts += [text[position : edit.start], edit.new]
        position = edit.end
    return "".join([*parts, text[position:]]) if parts else text


def _credentials(text: str, rules: Redaction) -> list[Edit]:
    if not rules.secrets and not rules.passwords:
        return []
    return [
        Edit(one.start, one.end, sentinels.PASSWORD if one.password else sentinels.KEY, counter)
        for one in credentials.spans(text, _hits(text))
        if getattr(rules, counter := "passwords" if one.password else "secrets")
    ]


def _emails(text: str, rules: Redaction) -> list[Edit]:
    found = addresses.emails(text) if rules.emails else ()
    return [Edit(start, end, sentinels.EMAIL, "emails") for start, end, _ in found]


def _addresses(text: str, rules: Redaction) -> list[Edit]:
    found = addresses.machines(text) if rules.addresses else ()
    return sorted(Edit(start, end, _private(old), "addresses") for start, end, old in found)


def _names(text: str, rules: Redaction) -> list[Edit]:
    found = headers.names(text, _hits(text)) if rules.names else ()
    return [Edit(start, end, sentinels.NAME, "names") for start, end, _ in found]


def _private(address: str) -> str:
    known = PRIVATE_IPV6 if ":" in address else PRIVATE_IPV4
    return known[zlib.crc32(address.lower().encode()) % len(known)]
