"""The commands that other packages add to `oremill`, as an installation would have them."""

import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


@contextmanager
def installed() -> Iterator[None]:
    """Let importlib.metadata find the entry points of pyproject.toml until the end of the block."""
    groups = "".join(
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in points.items())
        for group, points in PROJECT["entry-points"].items()
    )
    with tempfile.TemporaryDirectory() as folder:
        about = Path(folder) / f"{PROJECT['name']}-{PROJECT['version']}.dist-info"
        about.mkdir()
        head = f"Metadata-Version: 2.1\nName: {PROJECT['name']}\nVersion: {PROJECT['version']}\n"
        (about / "METADATA").write_text(head)
        (about / "entry_points.txt").write_text(groups)
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            sys.path.remove(folder)
