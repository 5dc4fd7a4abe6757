"""Whether a value looks like a secret: its entropy, its shape, its checksum, and what it is not."""

import base64
import binascii
import math
import re
import string
import zlib
from collections import Counter
from itertools import pairwise

# What stands for a value in documentation: at home in any value, a name's or an issuer's.
_STAND_IN = re.compile(
    r"(?i)example|placeholder|change_?-?me|your|dummy|sample|redacted|foobar|deadbeef|(?-i:x{4}|X{4})|"
    r"\*{3}|\.{3}|insert|replace|0{6}|1{6}|12345|01234|98765|abcdef(?!\d)|a1b2c3|qwerty|(.)\1{5}"
)
# More of it, for values that a person typed, and what is an expression, a path or an address.
_TYPED = re.compile(
    r"(?i)test|fake|mock|x{3}|none|null|undefined|default|invalid|wrong|passw|secret|token|"
    r"s3cr3t|p[a4@]ssw|_key|-key|apikey|^https?:|^[/.#@~-]|[()\[\]]|%[sdv](?![A-Za-z0-9])|::|\\|[,;]$|->|=>|"
    r"\.(?:pem|key|crt|json|ya?ml|txt|py|[jt]s|md|html?|xml|cfg|ini|toml|csv|png|jpe?g|com)$"
)
_WORDS = re.compile(r"^(?:[A-Z]?[a-z]+|[A-Z]+)(?:[_./: -](?:[A-Z]?[a-z]+|[A-Z]+))*$")
# Words and small numbers joined by signs: an identifier, a path, a version, a date.
_IDENTIFIER = re.compile(
    r"^(?:[A-Za-z]?[a-z]*|[A-Z]*|\d{1,4})(?:[_./:@+-]+(?:[A-Za-z]?[a-z]+|[A-Z]+|v?\d{1,4}|[A-Za-z]+\d))*\d{0,2}$"
)
_CAMEL = re.compile(r"^(?:[A-Z]?[a-z]{2,}|[A-Z]+|\d{1,2})+$")
_UUID = re.compile(r"(?i)^\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$")
_HEX = re.compile(r"(?i)^(?:0x)?[0-9a-f]+$")
_CHECKSUM = re.compile(
    r"(?i)\bsha-?(?:1|256|384|512)|_sha\d|md5|checksum|integrity|digest|fingerprint|\bhash|commit\b"
)
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_NOBODY = frozenset({"pass", "pwd", "root", "admin", "guest", "user", "username", "me", "pw"})
_BOILERPLATE = ("1234567890", "John Doe", "example")  # of the tokens in JWT's documentation


def entropy(value: str) -> float:
    """Return Shannon's entropy in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def stands_in(value: str) -> bool:
    """Return whether a value is one that documentation shows, also where an issuer's is due."""
    return bool(_STAND_IN.search(value)) or _is_sequence(value)


def is_random(value: str) -> bool:
    """Return whether a value named as a key or a token was drawn, not written by a person."""
    if len(value) < 12 or entropy(value) < 3.2 or _is_plain(value):
        return False
    letters, digits = any(map(str.isalpha, value)), sum(map(str.isdigit, value))
    if not letters or not digits or _UUID.match(value):
        return False
    if _HEX.match(value):
        return len(value) >= 20
    return _changes(value) >= 0.25 * len(value)


def is_password(value: str) -> bool:
    """Return whether a value named as a password is one: letters mixed with others."""
    if _is_plain(value) or value.lower() in _NOBODY or _UUID.match(value) or entropy(value) < 2.2:
        return False
    letters, digits = any(map(str.isalpha, value)), any(map(str.isdigit, value))
    signs = any(not one.isalnum() for one in value)
    cases = any(map(str.isupper, value)) and any(map(str.islower, value))
    return letters and (digits or (cases and (signs or _changes(value) >= 0.35 * len(value))))


def is_url_password(value: str) -> bool:
    """Return whether what stands between user and host of an address is a password."""
    return not (stands_in(value) or _TYPED.search(value) or _WORDS.match(value) or value.isdigit())


def is_checksum(line: str) -> bool:
    """Return whether the line before a value speaks of hashes of content."""
    return bool(_CHECKSUM.search(line))


def has_crc(value: str) -> bool:
    """Return whether the last six characters are the CRC-32, in base 62, of those after `_`."""
    body, found = value.partition("_")[2][:-6], value[-6:]
    number, wanted = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        wanted = _DIGITS[digit] + wanted
    return wanted.rjust(6, "0") == found


def is_documented_jwt(value: str) -> bool:
    """Return whether a JWT is the one of a manual: it names nobody."""
    shown = "".join(_decoded(part) for part in value.split(".")[:2])
    return any(word in shown for word in _BOILERPLATE)


def is_basic(value: str) -> bool:
    """Return whether a value is base64 of user:password, with a password of its own."""
    user, colon, password = _decoded(value).partition(":")
    plain = not password or stands_in(password) or password.lower() in _NOBODY | {"password"}
    return bool(colon and user) and not plain and user.isprintable() and password.isprintable()


def _decoded(value: str) -> str:
    padded = value + "=" * (-len(value) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_").decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _is_plain(value: str) -> bool:
    return bool(
        stands_in(value)
        or _TYPED.search(value)
        or _WORDS.match(value)
        or _IDENTIFIER.match(value)
        or _CAMEL.match(value)
    )


def _is_sequence(value: str) -> bool:
    """Return whether most characters are one more than, or equal to, the one before."""
    steps = [ord(b) - ord(a) for a, b in pairwise(value)]
    return sum(step in (0, 1) for step in steps) > 0.5 * len(steps)


def _changes(value: str) -> int:
    """Return how often a value goes from small letters, capitals, digits or signs to others."""
    kinds = [
        0 if one.islower() else 1 if one.isupper() else 2 if one.isdigit() else 3 for one in value
    ]
    return sum(a != b for a, b in pairwise(kinds))
