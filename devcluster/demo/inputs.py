"""What the demo's pipeline reads: real packages, a copy that must be dropped, and StepLang."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

from devcluster.demo.registries import Package, fetch
from devcluster.images import ROOT
from devcluster.layout import DevClusterError
from devcluster.progress import call, exclusive, step

PINS = Path(__file__).with_name("inputs.toml")
STEPLANG = ROOT / "pipeline_steps" / "evaluate" / "steplang.py"
FORKED, FORK = "itsdangerous-2.2.0", "stilldangerous-0.1.0"


def ensure(cache: Path) -> dict[str, Path]:
    """Return key in the bucket -> file, for every input; fetched or made when it is not there."""
    folder = cache / "inputs"
    (folder / "packages").mkdir(parents=True, exist_ok=True)
    with exclusive(folder / "lock", "gathering the inputs"):
        packages = _packages(cache, folder / "packages")
        files = {f"inputs/packages/{path.name}": path for path in packages}
        steplang = _steplang(folder)
    for path in steplang.rglob("*"):
        if path.is_file():
            files[f"inputs/steplang/{path.relative_to(steplang)}"] = path
    return dict(sorted(files.items()))


def pinned() -> list[Package]:
    """The packages of inputs.toml."""
    return [Package(**entry) for entry in tomllib.loads(PINS.read_text())["package"]]


def _packages(cache: Path, folder: Path) -> list[Path]:
    packages = pinned()
    missing = [package for package in packages if not (folder / package.file).exists()]
    if missing:
        with (
            step(f"fetch {len(missing)} packages from their registries"),
            tempfile.TemporaryDirectory(dir=folder.parent) as work,
        ):
            fetch(cache, missing, Path(work))
            for package in missing:
                check(package, Path(work) / package.file)
                shutil.move(Path(work) / package.file, folder / package.file)
    fork(folder / f"{FORKED}.tar.gz", folder / f"{FORK}.tar.gz")
    return [*(folder / package.file for package in packages), folder / f"{FORK}.tar.gz"]


def check(package: Package, path: Path) -> None:
    """Raise DevClusterError when an archive is not the pinned one."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise DevClusterError(
            f"{package.registry} gave {package.file} with SHA-256 {found}; {PINS.name} has"
            f" {package.sha256}"
        )


def fork(original: Path, copy: Path) -> None:
    """Write a copy under another name, with a line of its own in each module: no hash repeats."""
    with tarfile.open(original) as tar:
        members = [m for m in tar.getmembers() if m.isfile()]
        files = [(member.name.replace(FORKED, FORK), _content(tar, member)) for member in members]
    note = b"\n# Maintained by the authors of this fork.\n"
    write_tar(copy, ((name, data + note * name.endswith(".py")) for name, data in files))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""


def write_tar(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """The same bytes each time: no times, no owners."""
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(out.getvalue())


def _steplang(folder: Path) -> Path:
    """The generated task family, keyed by the program that makes it."""
    key = hashlib.sha256(STEPLANG.read_bytes()).hexdigest()[:12]
    made = folder / f"steplang-{key}"
    if not made.exists():
        part = made.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        with step("generate StepLang"):
            module = "pipeline_steps.evaluate.steplang"
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            call([sys.executable, "-m", module, part], env=env)
        part.rename(made)
    return made
