"""What the dev cluster builds, and the archives that it loads."""

import json
import shutil
import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from devcluster import golang, image_store, pause_image, tools
from devcluster.layout import DevClusterError

KUBERNETES = tools.TOOLS[0]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of our Go module that a test may change."""
    return shutil.copytree(tools.SOURCES, tmp_path / "kubernetes")


def test_the_key_of_a_build_stays_when_nothing_changed(sources: Path) -> None:
    assert tools.key(KUBERNETES, sources) == tools.key(KUBERNETES)


@pytest.mark.parametrize("name", ["main.go", "go.mod", "go.sum", "pause/main.go"])
def test_the_key_of_our_build_changes_with_each_source(sources: Path, name: str) -> None:
    path = sources / name
    path.write_text(path.read_text() + "\n")
    assert tools.key(KUBERNETES, sources) != tools.key(KUBERNETES)


def test_the_key_of_a_build_changes_with_version_and_stamp() -> None:
    for other in (replace(KUBERNETES, version="v9"), replace(KUBERNETES, stamp=None)):
        assert tools.key(other) != tools.key(KUBERNETES)


def test_helm_assumes_the_cluster_that_is_built_beside_it() -> None:
    helm = next(tool for tool in tools.TOOLS if tool.name == "helm")
    minor = tools.KUBERNETES.split(".")[1]
    assert f"-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor={minor}" in helm.ldflags


def test_versions_in_go_mod_are_the_one_that_the_binary_reports() -> None:
    assert f"k8s.io/kubernetes {tools.KUBERNETES}\n" in (tools.SOURCES / "go.mod").read_text()


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.24rc1 linux/amd64", (1, 24)),
        ("", (0, 0)),
    ],
)
def test_version_of_go(said: str, version: tuple[int, int]) -> None:
    assert golang.version(said) == version


def test_the_pause_archive_names_its_image_and_repeats_byte_for_byte(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"program")
    for name in ("a.tar", "b.tar"):
        pause_image.write(tmp_path / name, program, "oremill.dev/pause:1")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    ((name, digest),) = image_store.images_in(tmp_path / "a.tar").items()
    assert name == "oremill.dev/pause:1"
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert f"blobs/sha256/{str(digest).removeprefix('sha256:')}" in tar.getnames()


def _archive(path: Path, file: str, content: object) -> Path:
    data = json.dumps(content).encode()
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo(file)
        info.size = len(data)
        tar.addfile(info, BytesIO(data))
    return path


def test_a_docker_archive_says_its_names_and_no_digest(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "x", "manifest.json", [{"RepoTags": ["oremill.dev/data:1"]}])
    assert image_store.images_in(archive) == {"oremill.dev/data:1": None}


@pytest.mark.parametrize("name", ["data:1", "oremill/data:1", "oremill.dev/data", "oremill.dev:1"])
def test_an_image_that_no_pod_would_find_is_refused(tmp_path: Path, name: str) -> None:
    archive = _archive(tmp_path / "x", "manifest.json", [{"RepoTags": [name]}])
    with pytest.raises(DevClusterError, match="a domain and a tag"):
        image_store.images_in(archive)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")
    with pytest.raises(DevClusterError, match="is no OCI or Docker archive"):
        image_store.images_in(tmp_path / "x")
    with pytest.raises(DevClusterError, match="names no image"):
        image_store.images_in(_archive(tmp_path / "y", "other", {}))
