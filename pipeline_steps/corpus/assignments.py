"""Secrets by the name that they are given: api_key = "...", PASSWORD=..., <token>...</token>.

Not covered: a bare random string without a name, and secrets that are built at run time.
"""

import re
from collections.abc import Iterator

from pipeline_steps.corpus import looks

WORDS = ("key", "token", "secret", "passw", "passphrase", "pwd", "pass", "credential", "auth")
_WORD = (
    r"(?:(?P<password>passw(?:or)?d|passwd|passphrase|pwd|pass(?![a-z]))|key|token|secret"
    r"|credentials?|auth)"
)
_REST = r"(?P<rest>[\w-]{0,24})"
# name = "value", name: "value", "name" => 'value', name: str = "value", name("value")
_QUOTED = re.compile(
    rf"(?i){_WORD}{_REST}(?P<close>[\"'`])?\]?\)?\s{{0,8}}(?::\s?[\w.\[\]| ?]{{1,24}}\s?(?==))?"
    r"(?:(?:=>|:=|={1,3}|:|\(|\?\?|\|\||!==?)\s{0,8}|(?(close),[ \t]{0,4}|(?!)))"
    r"(?:[a-z]{1,3}(?=[\"'`]))?(?P<quote>[\"'`])(?P<secret>[^\"'`\s\\<>{}$]{6,256})(?P=quote)"
)
# <name>value</name>, and name="..." value="..." of settings
_ELEMENT = re.compile(
    rf"(?i){_WORD}{_REST}(?:>\s{{0,8}}(?P<secret>[^<>\s\"'{{}}$]{{6,256}})\s{{0,8}}</"
    r"|[\"']\s+value=[\"'](?P<value>[^<>\s\"'{}$]{6,256})[\"'])"
)
# NAME=value to the end of the line: .env, .ini, YAML, shell
_BARE = re.compile(
    rf"(?i){_WORD}{_REST}[\"']?[ \t]{{0,4}}[=:][ \t]{{0,4}}"
    r"(?P<secret>[^\s\"'`\\<>{}$()\[\],;]{8,256})[ \t]*(?:$|[;#\n\r]| [#-])"
)
_LINE_START = re.compile(
    r"(?i)^[\s>+-]*(?:(?:export|set|setx|env|arg|declare -x|define|-e)[\s-]+)?[\"']?[\w.-]{0,64}$"
)
# A key alone is what every mapping has; these own one that is secret.
_OWNER = re.compile(
    r"(?i)(?:api|app|auth|access|account|client|consumer|encrypt(?:ion)?|license|master|private|"
    r"service|session|secret|signing|storage|subscription|web|admin|deploy|project|write|shared)[_.-]?$"
)
# What is said about a secret, and is none.
_ABOUT = re.compile(
    r"(?i)(?:hash(?:ed|es)?|file(?:name)?|path|dir|name|names?pace|uri|url|endpoint|type|types|length|len|"
    r"size|count|pattern|regexp?|field|column|format|prefix|suffix|header|label|title|text|hint|"
    r"message|msg|error|index|ids?|class|style|icon|map|list|set|algorithm|method|version|date|"
    r"signature|words?|board|frame|stone|press|down|up|code|row|group|point|mode|public|pub|less|ring|"
    r"or|ization|ize|izer|izers|izer_name|s_dir|ed|by|store|expires?|ttl)$"
)
_PUBLIC = re.compile(r"(?i)(?:public|pub|primary|foreign|sort|partition|cache|i18n|site)[_-]?$")


def find(text: str, hits: dict[str, list[int]]) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, is a password) of the values that hits of WORDS name."""
    for offset in sorted({one for word in WORDS for one in hits.get(word, ())}):
        match = _QUOTED.match(text, offset) or _ELEMENT.match(text, offset)
        if not match and (bare := _BARE.match(text, offset)):
            match = bare if _begins_line(text, offset) else None
        if match and _is_secret(text, match):
            group = "secret" if match["secret"] else "value"
            yield match.start(group), match.end(group), bool(match["password"])


def _is_secret(text: str, match: re.Match[str]) -> bool:
    value = match["secret"] or match["value"]
    before = text[max(0, match.start() - 24) : match.start()]
    if _ABOUT.search(match["rest"]) or _PUBLIC.search(before):
        return False
    if match["password"]:
        is_bare = match.re is _BARE
        return looks.is_password(value) and (not is_bare or _is_strong(value))
    if match[0][:3].lower() == "key" and not _OWNER.search(before):
        return False
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    return looks.is_random(value) and not looks.is_checksum(line + match["rest"])


def _is_strong(value: str) -> bool:
    """Ask more of a value without quotes, which may as well be an expression."""
    return any(map(str.isdigit, value)) and not re.match(r"^[a-z_]+[\w.:/-]*$", value)


def _begins_line(text: str, offset: int) -> bool:
    start = text.rfind("\n", max(0, offset - 120), offset) + 1
    return bool(_LINE_START.match(text[max(start, offset - 120) : offset]))
