"""What a package says of its own licence in its metadata: believed only when the spec asks for it.

Such a line is written once, from memory, and covers whatever else was packed: The Stack v2 does not
read it (arXiv:2402.19173, section 2.1).
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from pipeline_steps.corpus import spdx

_CLASSIFIERS = {  # of the Python Package Index -> SPDX
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
    "Python Software Foundation License": "PSF-2.0",
}
_TAG = re.compile(r"(?is)<licenses>.*?<name>\s*(.*?)\s*</name>")
_ASSIGNED = re.compile(r"""(?m)^\s*(?:\w+\.)?licen[sc]es?\s*[=:]\s*["'\[]*([^"'\]\n]+)""")


def metadata(path: str, text: str) -> str:
    """Return the SPDX expression that a metadata file names, or ""."""
    read = _READERS.get(PurePosixPath(path).name) or (
        _assigned if path.endswith(".gemspec") else None
    )
    if read is None:
        return ""
    try:
        said = read(text).strip()
    except (ValueError, TypeError, AttributeError, KeyError):
        return ""
    said = _CLASSIFIERS.get(said, said).replace("/", " OR ")  # `MIT/Apache-2.0`: crates, once
    return spdx.canonical(said) if said and spdx.is_known(said) else ""


def _python(text: str) -> str:
    project = tomllib.loads(text).get("project", {})
    given = project.get("license", "")
    if isinstance(given, Mapping):
        given = given.get("text", "")
    return str(given) or _classified(project.get("classifiers", ()))


def _headers(text: str) -> str:
    head = text.partition("\n\n")[0].splitlines()
    fields: dict[str, str] = {}
    for line in head:
        name, _, value = line.partition(": ")
        fields.setdefault(name, value)
    classifiers = [line.partition(": ")[2] for line in head if line.startswith("Classifier: ")]
    own = fields.get("License-Expression") or fields.get("License", "")
    return own if spdx.is_known(own) else _classified(classifiers) or own


def _classified(classifiers: Any) -> str:
    names = (str(item).rpartition(" :: ")[2] for item in classifiers if "License ::" in str(item))
    return next((_CLASSIFIERS[name] for name in names if name in _CLASSIFIERS), "")


def _json(text: str) -> str:
    given = json.loads(text).get("license", "")
    if isinstance(given, list):
        return " OR ".join(map(str, given))  # composer's list is a choice
    return str(given.get("type", "") if isinstance(given, Mapping) else given)


def _crate(text: str) -> str:
    return str(tomllib.loads(text)["package"]["license"])


def _assigned(text: str) -> str:
    match = _ASSIGNED.search(text)
    return match[1] if match else ""


def _maven(text: str) -> str:
    match = _TAG.search(text)
    return match[1] if match else ""


_READERS: dict[str, Callable[[str], str]] = {
    "pyproject.toml": _python,
    "PKG-INFO": _headers,
    "METADATA": _headers,
    "setup.cfg": _assigned,
    "package.json": _json,
    "composer.json": _json,
    "Cargo.toml": _crate,
    "pom.xml": _maven,
}
