"""The tools that the corpus is compared with, each in an environment of its own in the cache.

    python -m bench.corpus.rivals --pin    choose the newest versions that the .in files allow

An environment is keyed by its pins. text-dedup 0.4.1, the newest on PyPI, needs Python 3.12: where
uv finds none, it is left out of the comparison.
"""

import argparse
import os
import shutil
from hashlib import sha256
from pathlib import Path

from devcluster.buildah import Buildah
from devcluster.environment import tools
from devcluster.layout import default_cache
from devcluster.package_index import uv_environment
from devcluster.progress import call, exclusive, step

HERE = Path(__file__).parent
PYTHONS = {"datatrove": "3.11", "text-dedup": "3.12"}


def ensure(cache: Path, name: str) -> Path:
    """Return the Python of a tool's environment; its marker is written last.

    Raises:
        DevClusterError: there is no such Python, or the index does not answer.
    """
    pins = HERE / f"{name}.txt"
    folder = cache / "bench" / f"{name}-{sha256(pins.read_bytes()).hexdigest()[:12]}"
    with exclusive(cache / "bench" / f"{name}.lock", f"making the environment of {name}"):
        if not (folder / "complete").exists():
            with step(f"make the environment of {name}"):
                _make(cache, name, pins, folder)
    return folder / "bin" / "python"


def _make(cache: Path, name: str, pins: Path, folder: Path) -> None:
    for older in folder.parent.glob(f"{name}-*"):
        shutil.rmtree(older)  # its wheels stay in uv's cache
    _uv(cache, "venv", "--python", PYTHONS[name], folder)
    install = ("pip", "install", "--python", folder, "--require-hashes", "--requirement", pins)
    _uv(cache, *install)
    (folder / "complete").touch()


def pin(cache: Path, name: str) -> None:
    """Write a tool's pins: for Debian's glibc, with hashes, without the address of an index."""
    platform = (f"--python-version={PYTHONS[name]}", "--python-platform=x86_64-manylinux_2_36")
    plain = ("--generate-hashes", "--no-header", "--no-annotate", "--upgrade")
    source = (HERE / f"{name}.in", "--output-file", HERE / f"{name}.txt")
    with step(f"pin {name}"):
        _uv(cache, "pip", "compile", *source, *platform, *plain)


def _uv(cache: Path, *words: str | Path) -> None:
    env = {**os.environ, **uv_environment(), "PATH": f"{os.environ['PATH']}:{_pyenv()}"}
    quiet = ("--cache-dir", Buildah(cache / "images").uv_cache, "--quiet")
    call([tools(cache) / "uv", *quiet, *words], env=env)


def _pyenv() -> str:
    """Return the folders of pyenv's Pythons, whose stand-ins on the path run one version alone."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return ":".join(str(path) for path in sorted(root.glob("versions/3.*/bin")))


def main() -> None:
    """Write the pins of every tool."""
    parser = argparse.ArgumentParser(prog="python -m bench.corpus.rivals", description=__doc__)
    parser.add_argument("--pin", action="store_true", required=True)
    parser.parse_args()
    for name in PYTHONS:
        pin(default_cache(), name)


if __name__ == "__main__":
    main()
