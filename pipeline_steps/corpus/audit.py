"""What is left after redaction: a second detector reads a sample, and states what that proves.

The detector shares no rule with the first: it has no list of issuers, asks for no name that must
be right, and weighs no looks but randomness. So it finds more, rightly or wrongly, and what it
finds is an upper figure. The sample is the files whose ids have the smallest hashes: the same files
for any number of workers, and any part of a corpus can be sampled where it lies.

Where none is found in n files, at most 3/n of all files hold one, at 95 % (the rule of three: the
95 % bound of a Poisson count of 0 is 3.0); for more, the bound is that of the count found.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from oremill.specs.corpus import Redaction
from pipeline_steps import sentinels
from pipeline_steps.corpus import looks
from pipeline_steps.corpus.prefilter import Hits, Prefilter

Z = 1.645  # one-sided 95 % of the normal distribution

# Words of which a line with a finding has one; most lines have none, and are not looked at.
_HINTS = {
    "secrets": ("secret", "token", "passw", "credential", "key", "bearer", "auth"),
    "passwords": ("passw", "pwd"),
    "names": ("@author", "copyright"),
}
_SIGN = re.compile(r"@|\(at\)|\[at\]")
_DOTTED = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d")
_MAIL = re.compile(
    r"\w[\w.+-]*(?:@| ?\(at\) ?| ?\[at\] ?)"
    r"[A-Za-z0-9][\w-]*(?:\.| ?(?:\(dot\)|\[dot\]) ?)[a-z]{2,12}\b"
)
_NO_MAIL = re.compile(
    r"(?i)example|\bgit@|@(?:\d|[\w-]+\.(?:png|jpe?g|svg|js|css|py|html)\b)|noreply"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\d.])")
_NOT_PUBLIC = re.compile(
    r"^(?:0|10|127|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254|2(?:2[4-9]|[3-5]\d))\.|^192\.0\.|"
    r"^198\.(?:1[89]|51)\.|^203\.0\.113|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|"
    r"^(\d)\.\1\.\1\.\1$|^(?:\d\.){2,3}|^\d+(?:\.\d){3}$|"
    r"^(?:8\.8|1\.[01]|9\.9|208\.67|149\.112|76\.|94\.140|8\.26|8\.20)"
)
_LONG = re.compile(
    r"(?<![\w/+=-])(?=[\w/+-]*\d)(?=[\w/+-]*[A-Za-z])[\w/+-]{24,512}={0,2}(?![\w/+=-])"
)
_TELLING = re.compile(
    r"(?i)secret|token|passw|credential|api.?key|access.?key|private.?key|bearer|auth"
)
_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----\s*[A-Za-z0-9+/]{32}")
_PASSWORD = re.compile(
    r"(?i:password|passwd|pwd)\W{1,6}"
    r"(?P<value>(?=\S{0,39}\d)(?=\S{0,39}[a-z])(?=\S{0,39}[A-Z])[^\s\"'<>(){}]{8,40})"
)
_PERSON = re.compile(
    r"(?i:@author|copyright[^\n]{0,30}\d{4}),?[ \t]+[A-Z][a-z]+ "
    r"(?!Corp|Inc|Foundation|Team|Authors)[A-Z][a-z]+[ \t]*(?:$|<)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Residue:
    """What the second detector found in a sample of redacted files."""

    files: int  # read
    hit: int = 0  # files in which something was found
    kinds: dict[str, int] = field(default_factory=dict)  # kind -> findings

    @property
    def bound(self) -> float:
        """Return the share of files that at most hold something, at 95 %; 1 for an empty sample."""
        if not self.files:
            return 1.0
        return min(1.0, _upper(self.hit) / self.files)

    def __add__(self, other: "Residue") -> "Residue":
        """Return what was found in two samples."""
        kinds = Counter(self.kinds) + Counter(other.kinds)
        return Residue(self.files + other.files, self.hit + other.hit, dict(sorted(kinds.items())))

    def statement(self) -> str:
        """Return the result as a sentence."""
        if not self.files:
            return "no file was read (auditSample: 0)"
        found = f"{self.hit} of {self.files} files" if self.hit else f"none of {self.files} files"
        return f"{found} hold something; at most {self.bound:.3%} of all do, at 95 %"


def residue(texts: Iterable[str], rules: Redaction) -> Residue:
    """Return what the second detector finds in redacted texts, of the kinds that were redacted."""
    detectors = {name: find for name, find in _DETECTORS.items() if getattr(rules, name)}
    total = Residue(0)
    for text in texts:
        hits = _hints().find(text)
        kinds = Counter({name: len(find(text, hits)) for name, find in detectors.items()})
        total += Residue(1, int(any(kinds.values())), dict(+kinds))
    return total


def _upper(count: int) -> float:
    """Return the 95 % upper bound of a Poisson mean of which `count` were seen.

    Byar's approximation, within 1 % from 1 on; 3 for 0, as the rule of three has it.
    """
    if count == 0:
        return 3.0
    more = count + 1
    return float(more * (1 - 1 / (9 * more) + Z / (3 * math.sqrt(more))) ** 3)


@cache
def _hints() -> Prefilter:
    return Prefilter(word for words in _HINTS.values() for word in words)


def _lines(text: str, places: Iterable[int]) -> Iterator[str]:
    """Yield the lines in which these places are, each once: no detector needs a look at others."""
    end = -1
    for place in sorted(places):
        if place > end:
            found = text.find("\n", place)
            end = found if found >= 0 else len(text)
            yield text[text.rfind("\n", 0, place) + 1 : end]


def _at(hits: Hits, kind: str) -> list[int]:
    return [place for word in _HINTS[kind] for place in hits.get(word, ())]


def _emails(text: str, hits: Hits) -> list[str]:
    if "@" not in text:
        return []
    lines = _lines(text, (sign.start() for sign in _SIGN.finditer(text)))
    found = (one for line in lines for one in _MAIL.findall(line))
    return [one for one in found if not _NO_MAIL.search(one)]


def _addresses(text: str, hits: Hits) -> list[str]:
    lines = _lines(text, (dots.start() for dots in _DOTTED.finditer(text)))
    found = (one for line in lines for one in _IPV4.findall(line))
    return [one for one in found if not _NOT_PUBLIC.search(one)]


def _secrets(text: str, hits: Hits) -> list[str]:
    """Find long random strings on lines that speak of secrets, and private keys."""
    lines = [
        line
        for line in _lines(text, _at(hits, "secrets"))
        if len(line) < 4096 and _TELLING.search(line)
    ]
    found = [one for line in lines if not looks.is_checksum(line) for one in _LONG.findall(line)]
    return [one for one in found if _is_random(one)] + _BLOCK.findall(text)


def _is_random(value: str) -> bool:
    """Return whether digits are strewn over a long run of letters, as they are in no identifier."""
    longest = max(re.split(r"[/_+=-]", value), key=len)
    return looks.entropy(value) > 4.2 and sum(map(str.isdigit, value)) > 2 and len(longest) > 17


def _passwords(text: str, hits: Hits) -> list[str]:
    found, end = list[str](), 0
    for place in sorted(_at(hits, "passwords")):
        match = _PASSWORD.match(text, place) if place >= end else None
        if match:
            found.append(match["value"])
            end = match.end()
    return [one for one in found if looks.entropy(one) > 2.8 and sentinels.PASSWORD not in one]


def _names(text: str, hits: Hits) -> list[str]:
    return [one for line in _lines(text, _at(hits, "names")) for one in _PERSON.findall(line)]


_DETECTORS: dict[str, Callable[[str, Hits], list[str]]] = {
    "secrets": _secrets,
    "passwords": _passwords,
    "emails": _emails,
    "addresses": _addresses,
    "names": _names,
}
