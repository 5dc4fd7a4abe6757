"""The Python environment of lint and tests, in the cache.

    python -m devcluster.environment          make it
    python -m devcluster.environment --pin    choose the newest versions that pyproject.toml allows

It holds every extra and the tools at the versions of requirements-dev.txt, and not this package
itself: so it is keyed by that file alone, and every checkout with the same pins shares it.
"""

from __future__ import annotations

import argparse
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

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "requirements-dev.txt"
UV = "uv==0.13.9"  # fetches and unpacks side by side: 40 s where pip takes 220


def main() -> int:
    """Make the environment and print its folder, or write the pins."""
    parser = argparse.ArgumentParser(prog="python -m devcluster.environment", description=__doc__)
    parser.add_argument("--pin", action="store_true", help="write every requirements file anew")
    try:
        if parser.parse_args().pin:
            pin(default_cache())
        else:
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


def pin(cache: Path) -> None:
    """Pin everything at once, then each image's share of it: so tests and images run the same."""
    _compile(cache, PINS, "--all-extras", "--upgrade")
    for extra in ("operator", "data", "train"):
        target = ROOT / "images" / extra / "requirements.txt"
        _compile(cache, target, f"--extra={extra}", f"--constraint={PINS}", "--upgrade")


def _compile(cache: Path, target: Path, *flags: str) -> None:
    """For the images' platform, with hashes, and without the address of any index."""
    platform = ("--python-version=3.11", "--python-platform=x86_64-manylinux_2_36")
    plain = ("--generate-hashes", "--no-header", "--no-annotate", "--quiet")
    source = ("pip", "compile", ROOT / "pyproject.toml", "--output-file", target)
    with step(f"pin {target.relative_to(ROOT)}"):
        env = {**os.environ, **uv_environment()}
        call([tools(cache) / "uv", *source, *platform, *plain, *flags], env=env)


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
