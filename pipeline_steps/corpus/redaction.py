"""Replace secrets and addresses by placeholders, and keep text from spelling a special token.

The placeholders are single tokens of the tokenizer. So first every spelling of a special token in
the input is cut apart by a space, and only then are ours put in: after this stage a special token
in a document is always one that we wrote.
"""

import re
from dataclasses import dataclass

from oremill.specs.corpus import Redaction
from pipeline_steps import sentinels
from pipeline_steps.corpus import credentials

_SPELLED = re.compile("|".join(map(re.escape, sentinels.SENTINELS)))
_EMAIL = re.compile(
    r"(?:(?<![\w.+/:-])|(?<=mailto:))(?P<local>[A-Za-z0-9][\w.+-]{0,63})@"
    r"(?P<domain>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.)+[A-Za-z]{2,24})(?![\w@])"
)
# Reserved for documentation (RFC 2606, RFC 6761): nobody's address.
_NOBODY = re.compile(
    r"(?i)(?:^|\.)example(?:\.(?:com|net|org))?$|(?:^|\.)(?:test|invalid|localhost)$"
)
_NO_DOMAIN = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "py", "html", "json"}
)
_NO_PERSON = frozenset({"git", "hg", "svn"})  # git@host is how a repository is addressed


@dataclass(frozen=True)
class Redacted:
    """A text without secrets, and how much was replaced."""

    text: str
    secrets: int = 0
    emails: int = 0


def redact(text: str, rules: Redaction) -> Redacted:
    """Return `text` as it may be learned from."""
    text = cut_apart(text)
    secrets, emails = 0, 0
    if rules.secrets:
        text, secrets = _without_secrets(text)
    if rules.emails and "@" in text:
        text, emails = _without_emails(text)
    return Redacted(text, secrets, emails)


def cut_apart(text: str) -> str:
    """Return `text` with a space after the first character of every special token it spells."""
    return _SPELLED.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)


def _without_secrets(text: str) -> tuple[str, int]:
    parts, position = [], 0
    found = credentials.spans(text)
    for start, end, _ in found:
        parts += [text[position:start], sentinels.KEY]
        position = end
    return "".join([*parts, text[position:]]), len(found)


def _without_emails(text: str) -> tuple[str, int]:
    count = 0

    def placeholder(match: re.Match[str]) -> str:
        nonlocal count
        if not _is_address(match):
            return match[0]
        count += 1
        return sentinels.EMAIL

    return _EMAIL.sub(placeholder, text), count


def _is_address(match: re.Match[str]) -> bool:
    domain = match["domain"].lower()
    return not (
        domain.rpartition(".")[2] in _NO_DOMAIN
        or match["local"].lower() in _NO_PERSON
        or _NOBODY.search(domain)
    )
