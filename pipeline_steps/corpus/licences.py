"""Which licence a file is under, found from texts and never from what a package says of itself.

The nearest folder up the tree with a licence text decides; a file's own SPDX tag or notice decides
before that. Several licences in one place are read as all of them at once (`AND`), the careful
reading: a file stays only when each is allowed. A licence file in no known words counts as none.
"""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import PurePosixPath

from licenseclassifier import identify_license

NAMES = re.compile(r"^(licen[cs]es?|copying|unlicen[cs]e|copyright|mit|notice)([-_. ].*)?$", re.I)
# Percent of a file that licence texts must cover. The library's own 75 is meant for any file; these
# are called LICENSE, and lodash's, MIT and CC0 with explanations between, is covered to 74.
MIN_COVERAGE = 50.0
HEAD = 2048  # characters in which a file's own notice is looked for
_TAG = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+\-() ]{1,120})")
_NOTICE = re.compile(r"GNU (Lesser |Affero |Library )?General Public License|Mozilla Public", re.I)
_EXCEPTION = re.compile(r"\s+WITH\s+[A-Za-z0-9.\-]+")  # permits more, so it needs no permission


def is_licence_file(path: str) -> bool:
    """Return whether a file's name says that it holds a licence."""
    return NAMES.match(PurePosixPath(path).name) is not None


class Tree:
    """The licences of one repository."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Read the licence files among `texts` (path -> text)."""
        folders: dict[str, set[str]] = {}
        for path, text in texts.items():
            if is_licence_file(path):
                folder = str(PurePosixPath(path).parent)
                folders.setdefault(folder, set()).update(identified(text, MIN_COVERAGE))
        self._folders = {folder: found for folder, found in folders.items() if found}

    def licence(self, path: str, text: str) -> str:
        """Return the SPDX expression for a file, or "" when no text covers it."""
        own = own_licence(text)
        if own:
            return own
        for folder in map(str, PurePosixPath(path).parents):
            if folder in self._folders:
                return " AND ".join(sorted(self._folders[folder]))
        return ""


def own_licence(text: str) -> str:
    """Return what a file's first lines say of its own licence, or ""."""
    head = text[:HEAD]
    tag = _TAG.search(head)
    if tag:
        return " ".join(tag[1].split()).strip(" -")
    if _NOTICE.search(head):
        return " AND ".join(sorted(identified(_comment(head), 10.0)))
    return ""


@lru_cache(maxsize=4096)  # the same few texts come back in every repository
def identified(text: str, coverage: float) -> frozenset[str]:
    """Return the SPDX identifiers of the licence texts in `text`."""
    return frozenset(match.id for match in identify_license(text, coverage))


def is_allowed(expression: str, allow: Collection[str]) -> bool:
    """Return whether an SPDX expression asks for nothing but allowed licences.

    `A OR B` is a choice; everything else, brackets too, is read as all of them.
    """
    expression = _EXCEPTION.sub("", expression)
    if "(" not in expression and " AND " not in expression and " OR " in expression:
        return any(part.strip() in allow for part in expression.split(" OR "))
    words = set(re.findall(r"[A-Za-z0-9.+\-]+", expression)) - {"AND", "OR"}
    return bool(words) and words <= set(allow)


def _comment(head: str) -> str:
    """Return the head without comment signs, as the texts of notices have it."""
    return re.sub(r"(?m)^[ \t]*(#+|//+|\*+/?|/\*+|;+|--+|%+|\"\"\")[ \t]?", "", head)
