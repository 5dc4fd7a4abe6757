"""The demo's inputs: pinned, checked, and one of them a copy that must be found."""

import hashlib
import re
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from devcluster.demo import inputs, registries
from devcluster.demo.registries import Package
from devcluster.layout import DevClusterError

PACKAGE = Package("npm", "semver", "7.6.2", hashlib.sha256(b"archive").hexdigest())


def test_the_pinned_packages_come_from_three_registries() -> None:
    packages = inputs.pinned()
    assert {package.registry for package in packages} == {"pypi", "npm", "crates"}
    assert len({package.file for package in packages}) == len(packages) >= 12
    assert all(re.fullmatch(r"[0-9a-f]{64}", package.sha256) for package in packages)


def test_the_forked_package_is_among_the_pinned() -> None:
    assert f"{inputs.FORKED}.tar.gz" in {package.file for package in inputs.pinned()}


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / PACKAGE.file
    archive.write_bytes(b"archive")
    inputs.check(PACKAGE, archive)
    archive.write_bytes(b"another")
    with pytest.raises(DevClusterError, match=r"npm gave semver-7\.6\.2\.tgz with SHA-256"):
        inputs.check(PACKAGE, archive)


def test_a_fork_has_the_same_modules_under_another_name_and_no_equal_module(tmp_path: Path) -> None:
    original, copy = tmp_path / "original.tar.gz", tmp_path / "copy.tar.gz"
    files = {f"{inputs.FORKED}/src/one.py": b"x = 1\n", f"{inputs.FORKED}/LICENSE": b"BSD\n"}
    inputs.write_tar(original, files.items())
    inputs.fork(original, copy)
    first = copy.read_bytes()
    with tarfile.open(copy) as tar:
        content = {name: (tar.extractfile(name) or pytest.fail()).read() for name in tar.getnames()}
    assert list(content) == [name.replace(inputs.FORKED, inputs.FORK) for name in files]
    assert content[f"{inputs.FORK}/src/one.py"].startswith(b"x = 1\n")
    assert content[f"{inputs.FORK}/src/one.py"] != b"x = 1\n"
    assert content[f"{inputs.FORK}/LICENSE"] == b"BSD\n"
    inputs.fork(original, copy)
    assert copy.read_bytes() == first


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("cargo 1.95.0 (f2d3ce0bd 2026-03-21)", (1, 95)),
        ("cargo 0.66.0", (0, 66)),
        ("error: no toolchain", (0, 0)),
    ],
)
def test_the_version_of_cargo_is_read_from_what_it_says(
    said: str, version: tuple[int, int]
) -> None:
    assert registries.cargo_version(said) == version


def test_an_archive_is_found_however_its_registry_spells_it(tmp_path: Path) -> None:
    package = replace(PACKAGE, registry="pypi", name="more-itertools", version="10.3.0")
    (tmp_path / "more_itertools-10.3.0.tar.gz").touch()
    assert registries.found(package, tmp_path).name == "more_itertools-10.3.0.tar.gz"
    with pytest.raises(DevClusterError, match="npm gave no source archive of semver"):
        registries.found(PACKAGE, tmp_path)
