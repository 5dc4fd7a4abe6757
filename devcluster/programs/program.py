"""What a daemon is: a command line and the files that it reads, compared as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Program:
    """A daemon: its command line, and the files (by path) that it reads at its start."""

    name: str
    argv: tuple[str, ...]
    files: Mapping[Path, str] = field(default_factory=dict)
    in_the_way: tuple[
        Path, ...
    ] = ()  # what a killed predecessor leaves, and this one stumbles over

    def files_are_current(self) -> bool:
        """The files on disk are the ones that it should have read."""
        return all(path.exists() and path.read_text() == text for path, text in self.files.items())
