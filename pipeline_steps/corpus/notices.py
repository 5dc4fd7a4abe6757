"""Licences that a single text tells: a licence file, the head of a source file, a README's section.

Texts are matched whole by licenseclassifier; a tag (SPDX-License-Identifier) is believed as it
stands. Exceptions to the GPL and to Apache-2.0 are known by sentences of theirs, since the library
has none: they permit more, so a missed one costs files and no rights.
"""

import re
from functools import lru_cache
from pathlib import PurePosixPath

from licenseclassifier import identify_license

from pipeline_steps.corpus import spdx

# Percent of a file that licence texts must cover. The library's own 75 is meant for any file; these
# are called LICENSE, and lodash's, MIT and CC0 with explanations between, is covered to 74.
MIN_COVERAGE = 50.0
HEAD = 4096  # characters in which a file's own notice is looked for
_HEAD_COVERAGE = 10.0  # percent: a head also says what the file is for
_SECTION_COVERAGE = 10.0
_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+\-() \t]{1,160})")
_NOTICE = re.compile(
    r"General\s+Public\s+Licen[sc]e|Mozilla\s+Public|Apache\s+Licen[sc]e|Permission\s+is\s+hereby"
    r"|Redistribution\s+and\s+use|Permission\s+to\s+use|Eclipse\s+Public|Boost\s+Software"
    r"|Creative\s+Commons|public\s+domain|Academic\s+Free|Licensed\s+under|CDDL|CeCILL",
    re.IGNORECASE,
)
# One of these is in all that _NOTICE finds, and each is found thirty times as fast.
_HINTS = (
    "public", "permission", "redistribution", "apache", "creative", "academic", "licensed", "boost",
    "cddl", "cecill",
)  # fmt: skip
_COPYRIGHT = re.compile(r"(?im)^\W*(?:copyright|\(c\)|©).*\d{4}.*$")
_SIGNS = re.compile(
    r"(?m)^[ \t]*(#+|//+!?|/?\*+!?/?|;+|--+|%+|<!--|\"{3}|'{3}|dnl\b|\(\*|REM\b)[ \t]?"
)
_BLOCKS = (
    ("/*", "*/"),
    ("<!--", "-->"),
    ('"""', '"""'),
    ("'''", "'''"),
    ("(*", "*)"),
    ("{-", "-}"),
)
_LINES = ("#", "//", ";", "--", "%", "!", "*", "dnl ", "REM ", "..", "'")

# Exception -> the licence that it stands beside, and words of its text.
_EXCEPTIONS = (
    ("Classpath-exception-2.0", "GPL", r"independent\s+modules.{0,400}regardless\s+of"),
    ("GCC-exception-3.1", "GPL", r"GCC\s+Runtime\s+Library\s+Exception"),
    ("Autoconf-exception-generic", "GPL", r"configuration\s+script\s+generated\s+by\s+Autoconf"),
    ("Bison-exception-2.2", "GPL", r"part\s+or\s+all\s+of\s+the\s+Bison\s+parser\s+skeleton"),
    ("Libtool-exception", "GPL", r"built\s+using\s+GNU\s+Libtool"),
    ("Font-exception-2.0", "GPL", r"create\s+a\s+document\s+which\s+uses\s+this\s+font"),
    ("openvpn-openssl-exception", "GPL", r"link\s+the\s+code\s+of.{0,200}OpenSSL"),
    ("Linux-syscall-note", "GPL", r"user\s+programs\s+that\s+use\s+kernel\s+services"),
    ("LLVM-exception", "Apache", r"LLVM\s+Exceptions?\s+to\s+the\s+Apache"),
    ("Swift-exception", "Apache", r"Runtime\s+Library\s+Exception\s+to\s+the\s+Apache"),
)  # fmt: skip
_EXCEPTED = [(name, kind, re.compile(words, re.S | re.I)) for name, kind, words in _EXCEPTIONS]

# How people write a licence's name in a sentence, the longer names first.
_V = r"[\s,-]*(?:v|version\s*)?"
_PUBLIC = r"General\s+Public\s+Licen[sc]e"
_CALLED = (
    ("AGPL-3.0-only", rf"(?:GNU\s+)?(?:AGPL|Affero\s+{_PUBLIC}){_V}3"),
    ("LGPL-3.0-only", rf"(?:GNU\s+)?(?:LGPL|Lesser\s+{_PUBLIC}){_V}3"),
    ("LGPL-2.1-only", rf"(?:GNU\s+)?(?:LGPL|Lesser\s+{_PUBLIC}){_V}2\.1"),
    ("GPL-3.0-only", rf"\b(?:GPL|{_PUBLIC}){_V}3"),
    ("GPL-2.0-only", rf"\b(?:GPL|{_PUBLIC}){_V}2"),
    ("Apache-2.0", rf"Apache(?:\s+Software)?(?:\s+Licen[sc]e)?{_V}2(?:\.0)?"),
    ("MPL-2.0", rf"(?:MPL|Mozilla\s+Public\s+Licen[sc]e){_V}2(?:\.0)?"),
    ("BSD-3-Clause", r"BSD[\s-]*3|(?:3|three)[\s-]clause\s+BSD|(?:new|modified)\s+BSD"),
    ("BSD-2-Clause", r"BSD[\s-]*2|2[\s-]clause\s+BSD|simplified\s+BSD|two[\s-]clause\s+BSD"),
    ("0BSD", r"\b0BSD\b|Zero[\s-]clause\s+BSD"),
    ("BSL-1.0", r"Boost\s+Software\s+Licen[sc]e"),
    ("EPL-2.0", rf"Eclipse\s+Public\s+Licen[sc]e{_V}2"),
    ("CC0-1.0", r"\bCC0\b"),
    ("Unlicense", r"\bUnlicense\b"),
    ("ISC", r"\bISC(?:\s+Licen[sc]e|[\s-]licen[sc]ed|\b)"),
    ("MIT", r"\bMIT\b(?!\s*-?\s*(?:0|CMU))"),
    ("WTFPL", r"\bWTFPL\b"),
)  # fmt: skip
_NAMED = [(name, re.compile(words, re.IGNORECASE)) for name, words in _CALLED]
_SECTION = re.compile(
    r"(?ims)^(?:\#{1,6}[ \t]*)?(?:\d+\.?[ \t]*)?(?:\W{0,3})(?:the[ \t]+)?"
    r"(?:licen[sc]e|licensing|copyright and licen[sc]e)[^\n\w]*(?:\n[=\-~^]{3,}[ \t]*)?\n"
    r"(?P<body>.*?)(?=^\#{1,6}[ \t]|^[^\n]+\n[=\-~^]{4,}[ \t]*$|\Z)"
)


def own_licence(text: str) -> str:
    """Return what a file's first lines say of its own licence, as an SPDX expression, or ""."""
    head = text[:HEAD]
    tag, lowered = tagged(head), head.lower()
    if tag or not any(hint in lowered for hint in _HINTS) or not _NOTICE.search(head):
        return tag
    said = _COPYRIGHT.sub("", _SIGNS.sub("", _comment(head)))
    if not _NOTICE.search(said):
        return ""
    return spdx.both(identified(" ".join(said.split()), _HEAD_COVERAGE))


def tagged(text: str) -> str:
    """Return the expression of a text's SPDX tags, all of which bind, or ""."""
    found = (" ".join(match[1].split()).strip(" -") for match in _TAG.finditer(text))
    return spdx.both(expression for expression in found if expression)


def licence_file(text: str) -> str:
    """Return the expression that a file called LICENSE, COPYING and the like stands for, or ""."""
    return spdx.both(identified(text, MIN_COVERAGE)) or tagged(text[:HEAD])


def readme_section(text: str) -> str:
    """Return the expression that the section "License" of a README tells, or ""."""
    match = _SECTION.search(text)
    if match is None:
        return ""
    body = match["body"][:HEAD]
    return tagged(body) or spdx.both(identified(body, _SECTION_COVERAGE)) or _called(body)


@lru_cache(maxsize=4096)  # the same few texts come back in every repository
def identified(text: str, coverage: float) -> frozenset[str]:
    """Return the licences, with their exceptions, of the licence texts and notices in `text`."""
    found = {spdx.canonical(match.id) for match in identify_license(text, coverage)}
    for exception, kind, words in _EXCEPTED:
        bare = {name for name in found if kind in name and " WITH " not in name}
        if len(bare) == 1 and words.search(text):
            (name,) = bare
            found = (found - bare) | {f"{name} WITH {exception}"}
    return frozenset(name for name in found if spdx.is_licence(name.partition(" WITH ")[0]))


def _called(sentence: str) -> str:
    """Return the licences that a sentence names; `either … or …` is a choice."""
    found, rest = [], sentence
    for name, words in _NAMED:
        if words.search(rest):
            found.append(name)
            rest = words.sub("", rest)
    if len(found) > 1 and re.search(r"\bdual|\beither\b|\bat your option\b", sentence, re.I):
        return spdx.canonical(" OR ".join(sorted(found)))
    return spdx.both(found)


def _comment(head: str) -> str:
    """Return the lines of comment that a file begins with."""
    kept: list[str] = []
    closing = ""
    for line in head.splitlines():
        bare = line.strip()
        if not closing:
            opened = next((pair for pair in _BLOCKS if bare.startswith(pair[0])), None)
            if opened:
                bare_rest = bare[len(opened[0]) :]
                closing = "" if opened[1] in bare_rest else opened[1]
            elif bare and not bare.startswith(_LINES) and not bare.startswith(("<?", "package ")):
                break
        elif closing in bare:
            closing = ""
        kept.append(line)
    return "\n".join(kept)


def is_readme(path: str) -> bool:
    """Return whether a file is a README."""
    name = path.rpartition("/")[2]
    return name[:6].lower() == "readme" and PurePosixPath(name).stem.lower() == "readme"
