"""The flat folder that is all a candidate can write to, and how full it may get."""

import contextlib
import os
import tempfile
from pathlib import Path

BYTES, FILES = 16 * 2**20, 256
LIMITS = f"{BYTES} bytes or {FILES} files"


def new(scratch: Path) -> Path:
    """Make a folder below `scratch`."""
    return Path(tempfile.mkdtemp(prefix="run-", dir=scratch))


def too_full(folder: Path) -> bool:
    """Say whether a flat folder holds too much; the jail allows no subfolders."""
    files = size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                size += entry.stat(follow_symlinks=False).st_blocks * 512
            files += 1
            if files > FILES or size > BYTES:
                return True
    return False
