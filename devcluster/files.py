"""Files that others read at any time: written whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Make `path` hold `text`."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.touch(mode=mode)
    part.write_text(text)
    part.rename(path)
