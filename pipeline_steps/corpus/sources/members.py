"""A file as a source gives it: its text, or the reason why it has none.

What a stranger packed is judged here, alike for all kinds of source: a file that is no plain text
of a sane size and name is dropped with a reason, and nothing that it says leads anywhere.
"""

import codecs
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

from pipeline_steps.corpus.sources import notebooks

# Outputs, most of a notebook's bytes, are dropped; what is left has to keep to the limit.
NOTEBOOK_BYTES = 16 * 2**20
LONGEST_PATH = 4096  # bytes: Linux takes no longer one
MOST_BYTES = 2**40  # that are believed of a file that was not read; an archive may claim 2**64
# Codecs of Python that are no way to write a text: they take the square of its length, or undo
# escapes in it, or always fail.
NO_ENCODINGS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a repository; what is "" is not known, or not so."""

    path: str  # in the repository, without an archive's own top folder
    size: int  # bytes, as stored
    text: str = ""
    reason: str = ""  # why there is no text
    value: str = ""
    repository: str = ""
    language: str = ""  # linguist's name, where the source says it
    licence: str = ""  # SPDX, where the source says it
    revision: str = ""  # commit that the file is of


def readable(path: str, limit: int) -> int:
    """Return the most bytes of a file worth reading when a text may have `limit`."""
    return max(limit, NOTEBOOK_BYTES) if notebooks.is_notebook(path) else limit


def dropped(path: str, size: int, reason: str, value: str = "") -> Member:
    """Return a file without its text; a path that is no UTF-8 is shown with escapes."""
    shown, told = (one.encode("utf-8", "backslashreplace").decode() for one in (path, value))
    most = max(0, min(size, MOST_BYTES))
    return Member(shown[:LONGEST_PATH], most, reason=reason, value=told[:200])


def too_large(path: str, size: int, limit: int) -> Member:
    """Return a file that was not read, since it is past the limit."""
    return dropped(path, size, "too-large", f"{size} > {limit}")


def member(path: str, content: bytes, limit: int, encoding: str = "utf-8") -> Member:
    """Return a file as text, or say why it is none; the first reason that holds counts.

    Args:
        path: as the source names it.
        content: the whole file.
        limit: bytes that the text may have.
        encoding: of the content, by a name that Python knows.
    """
    if is_unsafe(path):
        return dropped(path, len(content), "unsafe-path")
    if len(content) > readable(path, limit):
        return too_large(path, len(content), limit)
    if not _is_encoding(encoding):
        return dropped(path, len(content), "unknown-encoding", encoding)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        binary = b"\0" in content
        reason = "binary" if binary else "not-utf8"
        return dropped(path, len(content), reason, "" if binary else f"byte {error.start}")
    return of_text(path, text, len(content), limit)


def of_text(path: str, text: str, size: int, limit: int) -> Member:
    """Judge a text that is decoded already, as `member` does."""
    if is_unsafe(path):
        return dropped(path, size, "unsafe-path")
    if "\0" in text:
        return dropped(path, size, "binary")
    if not _is_encodable(text):
        return dropped(path, size, "not-utf8", "lone surrogate")
    if not text.strip():
        return dropped(path, size, "empty")
    found = Member(path, size, text=text)
    if notebooks.is_notebook(path):
        found = _script(found)
    length = len(found.text.encode())
    return too_large(path, length, limit) if length > limit else found


def is_unsafe(name: str) -> bool:
    """Return whether a name leads out of the repository, breaks a line, or is none of a file."""
    parts = name.replace("\\", "/").split("/")
    odd = not name.isprintable()  # surrogates and control characters
    if name.startswith(("/", "\\")) or ".." in parts or odd or not parts[-1]:
        return True
    return not PurePosixPath(name).name or len(name.encode()) > LONGEST_PATH


def _script(found: Member) -> Member:
    """Return a notebook as the script of its cells."""
    try:
        made = notebooks.script(found.text)
    except notebooks.Unreadable as error:
        return dropped(found.path, found.size, "bad-notebook", str(error))
    if not made.text.strip():
        return dropped(found.path, found.size, "empty")
    return replace(found, text=made.text, language=made.language)


@lru_cache(maxsize=256)
def _is_encoding(name: str) -> bool:
    """Return whether Python knows a way to write texts by this name."""
    try:
        "x".encode(name)  # fails for codecs between bytes, such as zlib
        return codecs.lookup(name).name not in NO_ENCODINGS
    except (LookupError, ValueError):
        return False


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
