"""What a secret looks like: the formats of well-known issuers, and assignments to telling names.

Each pattern has a group `secret`, the part that is replaced, and hints, one of which a text must
contain before the pattern is tried on it (gitleaks' idea; it makes the common case a few substring
searches). Covered: issuers with a recognisable format, private keys, passwords in URLs,
high-entropy values assigned to names such as api_key. Not covered: a bare random string without a
name, and secrets that are built at run time.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """One kind of secret."""

    name: str
    hints: tuple[str, ...]  # in lower case
    pattern: re.Pattern[str]
    min_entropy: float = 0.0  # bits a character; below it, a placeholder


def _format(name: str, hints: str, pattern: str, min_entropy: float = 2.5) -> Format:
    return Format(name, tuple(hints.split()), re.compile(pattern), min_entropy)


FORMATS = (
    _format(
        "aws-key-id", "akia asia abia acca", r"\b(?P<secret>A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16})\b"
    ),
    _format(
        "aws-secret",
        "aws",
        r"(?i)aws.{0,24}(?:secret|key).{0,24}?[=:]\s*[\"']?(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        4.0,
    ),
    _format("github", "ghp_ gho_ ghu_ ghs_ ghr_", r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,251})\b"),
    _format("github-fine", "github_pat_", r"\b(?P<secret>github_pat_[A-Za-z0-9_]{82})\b"),
    _format(
        "gitlab", "glpat- gldt- glrt-", r"\b(?P<secret>gl(?:pat|dt|rt)-[A-Za-z0-9_-]{20,64})\b"
    ),
    _format("slack", "xox", r"\b(?P<secret>xox[abeoprs]-[A-Za-z0-9-]{10,250})\b"),
    _format(
        "slack-hook",
        "hooks.slack.com",
        r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[A-Za-z0-9+/]{40,60})",
    ),
    _format("stripe", "_live_ _test_", r"\b(?P<secret>[rs]k_(?:live|test)_[A-Za-z0-9]{16,250})\b"),
    _format("google-api", "aiza", r"\b(?P<secret>AIza[A-Za-z0-9_-]{35})(?![A-Za-z0-9_-])"),
    _format("google-oauth", "gocspx- ya29.", r"\b(?P<secret>GOCSPX-[\w-]{28}|ya29\.[\w-]{30,250})"),
    _format(
        "openai", "sk-", r"\b(?P<secret>sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{32,200})\b", 3.5
    ),
    _format("anthropic", "sk-ant-", r"\b(?P<secret>sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,120})"),
    _format("hugging-face", "hf_", r"\b(?P<secret>hf_[A-Za-z]{34})\b"),
    _format("npm", "npm_", r"\b(?P<secret>npm_[A-Za-z0-9]{36})\b"),
    _format("pypi", "pypi-ageichlwas5vcmc", r"\b(?P<secret>pypi-AgEIcHlwaS5vcmc[\w-]{50,1000})"),
    _format("sendgrid", "sg.", r"\b(?P<secret>SG\.[\w-]{22}\.[\w-]{43})"),
    _format("twilio", "sk", r"\b(?P<secret>SK[0-9a-f]{32})\b", 3.0),
    _format("telegram", ":aa", r"\b(?P<secret>[0-9]{8,10}:AA[A-Za-z0-9_-]{33})(?![A-Za-z0-9_-])"),
    _format("digital-ocean", "_v1_", r"\b(?P<secret>do[oprt]_v1_[a-f0-9]{64})\b"),
    _format("shopify", "shp", r"\b(?P<secret>shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})\b"),
    _format("mailgun", "key-", r"\b(?P<secret>key-[0-9a-f]{32})\b", 3.0),
    _format("azure-storage", "accountkey", r"(?i)AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    _format("jwt", "eyj", r"\b(?P<secret>eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})(?![\w-])"),
    _format(
        "private-key",
        "private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"(?P<secret>(?:[A-Za-z0-9+/=\s\\\"',:.]|-(?!----)){64,8192})-----END ",
    ),
    _format(
        "url-password",
        "://",
        r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>{}$%]{1,64}:(?P<secret>[^\s/@\"'<>{}$%]{6,128})@[\w.-]+",
    ),
    _format(
        "assignment",
        "key token secret pass pwd bearer credential",
        r"(?i)(?P<name>key|token|secret|passw(?:or)?d|passphrase|pwd|bearer|credentials?)"
        r"[\"']?\]?\s*(?:=>?|:=?)\s*(?:[a-z]{1,3}(?=[\"']))?"
        r"[\"'](?P<secret>[^\"'\s\\<>{}$]{10,256})[\"']",
        3.3,
    ),
)
# A key alone is what every mapping has; these own one that is secret.
_OWNER = re.compile(
    r"(?i)(?:api|app|auth|access|account|client|consumer|encryption|master|private|service|session"
    r"|secret|signing|storage|web)[_-]?$"
)
# What stands for a value in documentation, and what is an expression, a path or an address.
_PLACEHOLDER = re.compile(
    r"(?i)example|placeholder|changeme|change[_-]me|your|dummy|sample|test|fake|mock|redacted|"
    r"xxx|\*\*\*|\.\.\.|insert|replace|none|null|undefined|password|secret|token|"
    r"^https?:|^/|^\.|^#|\(|\)|\["
)
_WORDS = re.compile(r"^[a-z]+(?:[_./: -][a-z]+)*$")
_CHECKSUM = re.compile(r"(?i)sha-?(?:1|256|384|512)\b|md5|checksum|integrity|digest")
_UUID = re.compile(r"(?i)^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def spans(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, kind) of each secret in `text`, sorted, without overlaps."""
    lower = text.lower()
    found = sorted(
        (match.start("secret"), -match.end("secret"), kind.name)
        for kind in FORMATS
        if any(hint in lower for hint in kind.hints)
        for match in kind.pattern.finditer(text)
        if _is_secret(kind, match, text)
    )
    kept: list[tuple[int, int, str]] = []
    for start, end, name in found:
        if not kept or start >= kept[-1][1]:
            kept.append((start, -end, name))
    return kept


def entropy(value: str) -> float:
    """Return Shannon's entropy in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def _is_secret(kind: Format, match: re.Match[str], text: str) -> bool:
    """Weigh what a format alone does not decide: its entropy, and for a named value its looks."""
    value = match["secret"]
    if entropy(value) < kind.min_entropy:
        return False
    if kind.name not in ("url-password", "assignment"):
        return True
    if _PLACEHOLDER.search(value) or _WORDS.match(value):
        return False
    if kind.name == "url-password":
        return True
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start("secret")]
    if match["name"].lower() == "key" and not _OWNER.search(
        text[max(0, match.start() - 16) : match.start()]
    ):
        return False
    return _is_mixed(value) and not _UUID.match(value) and not _CHECKSUM.search(line)


def _is_mixed(value: str) -> bool:
    """Return whether a value has letters and digits, or capitals, small letters and signs."""
    letters, digits = any(map(str.isalpha, value)), any(map(str.isdigit, value))
    cases = any(map(str.isupper, value)) and any(map(str.islower, value))
    return letters and (digits or (cases and not value.isalpha()))
