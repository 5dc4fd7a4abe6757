"""Addresses in a text: of people's mail, and of machines on the public network.

Rules are BigCode's where it has them (arXiv:2301.03988 and bigcode-dataset's pii_redaction):
resolvers and private addresses stay, and four small numbers are a version unless the line speaks
of a machine.
"""

import ipaddress
import re
from collections.abc import Iterator

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline_steps.corpus import rules

Edit = tuple[int, int, str]  # start, end, what it was

_LOCAL = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}$")
_NOT_LOCAL = re.compile(r"[^\w.+-]")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![\w@])"
)
# Reserved for documentation (RFC 2606, RFC 6761): nobody's address.
_NOBODY = re.compile(
    r"(?i)(?:^|\.)example(?:\.(?:com|net|org))?$|(?:^|\.)(?:test|invalid|localhost)$"
)
_NO_DOMAIN = frozenset(
    {"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "py", "html", "json"}
)
_NO_PERSON = frozenset({"git", "hg", "svn"})  # git@host is how a repository is addressed

# A pattern that begins with a constant, or with few characters, is ten times as fast to look for.
_DOTTED = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d")
_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(
    r"[23](?<![\w:.].)[0-9a-fA-F]{3}:(?:[0-9a-fA-F]{0,4}:){1,6}[0-9a-fA-F]{0,4}(?![\w:.])"
)
_VERSION = re.compile(
    r"(?i)version|release|\bver\b|assembly|\bv$|[=<>~^]=\s*[\"']?$|[@^~]$|\boid\b"
)
_MACHINE = re.compile(
    r"(?i)dns|(?<!ob)server|host|addr|\bip|ping|gateway|proxy|://|subnet|peer|node"
)
_RESOLVERS = frozenset(rules.load("people.toml")["resolvers"])


def emails(text: str) -> Iterator[Edit]:
    """Yield the addresses of people."""
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        local = _local(text, at) if domain else ""
        if domain and local and _is_person(local, domain[0].lower()):
            yield at - len(local), domain.end(), f"{local}@{domain[0]}"
        at = text.find("@", at + 1)


def _local(text: str, at: int) -> str:
    """Return what is before the sign, if it is no path, no scope and no port."""
    before = text[max(0, at - 80) : at]
    word = _NOT_LOCAL.split(before)[-1]
    sign = before[: len(before) - len(word)]
    if sign.endswith(("/", ":")) and not sign.endswith("mailto:"):
        return ""
    return word if _LOCAL.match(word) else ""


def _is_person(local: str, domain: str) -> bool:
    return not (
        domain.rpartition(".")[2] in _NO_DOMAIN
        or local.lower() in _NO_PERSON
        or _NOBODY.search(domain)
    )


def machines(text: str) -> Iterator[Edit]:
    """Yield the public addresses of machines (IPv4 and IPv6)."""
    for match in _matches(text):
        if _is_public(match[0]) and not _is_version(text, match):
            yield match.start(), match.end(), match[0]


def _matches(text: str) -> Iterator[re.Match[str]]:
    if not _may_have(np.frombuffer(text.encode(), dtype=np.uint8)):
        return
    for dots in _DOTTED.finditer(text):
        match = _IPV4.search(text, max(0, dots.start() - 3), dots.end() + 4)
        if match and match.start() < dots.start() < match.end():
            yield match
    yield from _IPV6.finditer(text)


@numba.njit(nogil=True, cache=True)
def _may_have(data: NDArray[np.uint8]) -> bool:
    """Return whether there is `.1.1.1`, or what an IPv6 address begins with: mostly not."""
    for place in range(len(data) - 4):
        byte = data[place]
        if byte == 0x2E:
            end = _after_digits(data, _after_digits(data, place))
            if end < len(data) - 1 and data[end] == 0x2E and _is_digit(data[end + 1]):
                return True
        elif (byte == 0x32 or byte == 0x33) and data[place + 4] == 0x3A:
            return True
    return False


@numba.njit(nogil=True, cache=True)
def _after_digits(data: NDArray[np.uint8], place: int) -> int:
    """Return where a dot and one to three digits end; the end of the text where there are none."""
    if place >= len(data) or data[place] != 0x2E:
        return len(data)
    end = place + 1
    while end < len(data) and end < place + 4 and _is_digit(data[end]):
        end += 1
    return end if end > place + 1 else len(data)


@numba.njit(nogil=True, cache=True)
def _is_digit(byte: int) -> bool:
    return 0x30 <= byte <= 0x39


def _is_public(address: str) -> bool:
    if address in _RESOLVERS or address.lower() in _RESOLVERS:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # an octet above 255, or with a leading zero
        return False
    return parsed.is_global and not parsed.is_multicast


def _is_version(text: str, match: re.Match[str]) -> bool:
    line = text[max(text.rfind("\n", 0, match.start()) + 1, match.start() - 100) : match.start()]
    if ":" in match[0]:  # 2000::2 is as well a slice of a list
        return sum(map(bool, match[0].split(":"))) < 3
    if _VERSION.search(line):
        return True
    small = sum(len(part) > 1 for part in match[0].split(".")) < 2 or match[0].endswith(".0.0")
    small |= match[0].startswith(("1.2.", "1.3.", "2.5."))  # an object identifier of ISO or X.500
    end = text.find("\n", match.end(), match.end() + 100)
    after = text[match.end() : end if end >= 0 else match.end() + 100]
    return small and not _MACHINE.search(line + after)
