"""Rules that are data, by the names of their files."""

import tomllib
from importlib import resources
from typing import Any


def text(name: str) -> str:
    """Return the contents of a file of this folder."""
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def load(name: str) -> dict[str, Any]:
    """Return a TOML file of this folder."""
    return tomllib.loads(text(name))
