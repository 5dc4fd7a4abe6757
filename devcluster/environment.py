"""The Python environment of lint and tests, in the cache.

    python -m devcluster.environment

It holds every extra and the tools at the versions of requirements-dev.txt, and not this package
itself: so it is keyed by that file alone, and every checkout with the same pins shares it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from devcluster.buildah import Buildah
from devcluster.debian import install_missing
from devcluster.layout import DevClusterError, default_cache
from devcluster.package_index import uv_environment
from devcluster.progress import call, exclusive, say, step

PINS = Path(__file__).resolve().parents[1] / "requirements-dev.txt"
UV = "uv==0.13.9"  # fetches and unpacks side by side: 40 s where pip takes 220


def main() -> int:
    """Make the environment and print its folder."""
    try:
        print(ensure(default_cache()))
    except DevClusterError as error:
        say(f"error: {error}")
        return 1
    return 0


def ensure(cache: Path) -> Path:
    """Return the environment's folder; its marker is written last."""
    folder = cache / f"venv-{hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]}"
    with exclusive(cache / "venv.lock", "making the Python environment"):
        if not (folder / "complete").exists():
            with step("make the Python environment (6 GB; about a minute)"):
                _make(cache, folder)
    return folder


def tools(cache: Path) -> Path:
    """The folder with the programs `uv` and `pip`, in an environment of their own."""
    folder = cache / "toolchain" / UV.replace("==", "-")
    if not (folder / "bin" / "uv").exists():
        if subprocess.run(
            [sys.executable, "-c", "import ensurepip"], capture_output=True
        ).returncode:
            install_missing(("python3-venv", "ca-certificates"))
        with step(f"install {UV}"):
            call([sys.executable, "-m", "venv", "--clear", folder])
            call([folder / "bin" / "pip", "install", "--quiet", UV])
    return folder / "bin"


def _make(cache: Path, folder: Path) -> None:
    for older in cache.glob("venv-*"):
        shutil.rmtree(older)  # its wheels stay in uv's cache, which the files are links into
    uv: list[str | Path] = [
        tools(cache) / "uv",
        "--cache-dir",
        Buildah(cache / "images").uv_cache,
        "--quiet",
    ]
    env = {**os.environ, **uv_environment()}
    call([*uv, "venv", "--python", sys.executable, folder], env=env)
    install: list[str | Path] = [
        "pip",
        "install",
        "--python",
        folder,
        "--require-hashes",
        "--requirement",
        PINS,
    ]
    call([*uv, *install], env=env)
    (folder / "complete").touch()


if __name__ == "__main__":
    sys.exit(main())
