"""Images are keyed by what they are made from, and hold nothing of the machine that builds them."""

import re
import shutil
from pathlib import Path

import pytest

from devcluster import images, skopeo
from devcluster.buildah import Buildah
from devcluster.image_store import FULL_NAME
from devcluster.layout import DevClusterError, Layout

DOCKERFILES = sorted(images.ROOT.glob("images/*/Dockerfile"))
PINNED = sorted(images.ROOT.glob("images/*/requirements.txt"))
DOCKERFILE = """\
FROM debian:bookworm-slim
COPY images/one/requirements.txt /opt/requirements.txt
COPY --chown=1:1 program.py more.py /opt/
COPY package /opt/package
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one image."""
    files = {
        "images/one/Dockerfile": DOCKERFILE,
        "images/one/requirements.txt": "a==1\n",
        "program.py": "1\n",
        "more.py": "2\n",
        "package/deep/module.py": "3\n",
        "package/__pycache__/module.pyc": "4\n",
        "README.md": "5\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "images/one/Dockerfile",
        "images/one/requirements.txt",
        "more.py",
        "package/deep/module.py",
    ],
)
def test_the_key_changes_with_what_goes_into_the_image(root: Path, name: str) -> None:
    before = images.key("one", root)
    with (root / name).open("a") as file:
        file.write("# changed\n")
    assert images.key("one", root) != before


@pytest.mark.parametrize("name", ["README.md", "package/__pycache__/module.pyc"])
def test_the_key_stays_when_another_file_changes(root: Path, name: str) -> None:
    before = images.key("one", root)
    (root / name).write_text("changed")
    assert images.key("one", root) == before


def test_the_key_changes_when_a_file_is_renamed(root: Path) -> None:
    before = images.key("one", root)
    (root / "package/deep/module.py").rename(root / "package/deep/other.py")
    assert images.key("one", root) != before


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_what_a_layer_is_made_of_is_copied_and_not_mounted(dockerfile: Path) -> None:
    assert "type=bind" not in dockerfile.read_text()  # a builder's cache does not look at it


def test_a_file_that_is_copied_but_not_there_is_named(root: Path) -> None:
    (root / "more.py").unlink()
    with pytest.raises(DevClusterError, match=r"copies more\.py"):
        images.key("one", root)


@pytest.mark.parametrize("name", images.MINUTES)
def test_a_reference_is_one_that_a_node_finds_without_a_registry(name: str) -> None:
    assert FULL_NAME.fullmatch(images.reference(name))


@pytest.mark.parametrize(
    ("image", "flag"),
    [
        ("registry.example.com/team/x:1", "--tls-verify=true"),
        ("127.example.com/x:1", "--tls-verify=true"),
        ("localhost/x:1", "--tls-verify=false"),
        ("localhost:5001/x:1", "--tls-verify=false"),
        ("127.0.0.1:5001/team/x:1", "--tls-verify=false"),
        ("[::1]:5001/x:1", "--tls-verify=false"),
    ],
)
def test_only_a_registry_on_this_machine_goes_without_tls(image: str, flag: str) -> None:
    asked: list[tuple[str, ...]] = []

    class Recorder(Buildah):
        def run(self, *words: str) -> str:
            asked.append(words)
            return ""

    images.push(Recorder(Path("unused")), [image])
    assert asked == [("push", "--quiet", flag, image, f"docker://{image}")]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_stands_on_slim_debian_and_runs_as_nobody_special(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"^FROM (.+)$", text, re.MULTILINE) == ["debian:bookworm-slim"]
    assert text.rstrip().endswith("USER 65532:65532")
    assert not re.search(r"https?://|index-url", text)


def test_every_image_has_its_dockerfile() -> None:
    assert {path.parent.name for path in DOCKERFILES} == set(images.MINUTES)


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.parent.name)
def test_an_image_runs_the_very_versions_that_the_tests_run(path: Path) -> None:
    ours, all_ = _versions(path.read_text()), _versions(_dev())
    assert ours and ours.items() <= all_.items()


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.parent.name)
def test_every_pin_has_a_hash_and_no_address(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)


def _dev() -> str:
    return (images.ROOT / "requirements-dev.txt").read_text()


def _versions(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def test_layers_that_the_store_has_are_pretended_and_not_sent(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cache")
    store = layout.containerd_root / "io.containerd.content.v1.content/blobs/sha256"
    store.mkdir(parents=True)
    (store / "old").write_bytes(b"x" * 100_000)
    target = tmp_path / "target" / "blobs" / "sha256"
    skopeo.pretend(layout, target)
    (target / "new").write_bytes(b"y")
    assert (target / "old").stat().st_size == 100_000
    assert [path.name for path in skopeo.copied(tmp_path / "target")] == ["new"]


@pytest.mark.skipif(not shutil.which("buildah"), reason="no buildah: `make images` installs it")
def test_a_build_that_fails_names_the_image_and_the_step(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY nowhere /\n")
    builder = Buildah(tmp_path / "store")
    try:
        with pytest.raises(DevClusterError, match=r"building one:1 failed(?s:.*)nowhere"):
            builder.build(tmp_path / "Dockerfile", tmp_path, "one:1", tmp_path / "log")
    finally:  # else the store stays mounted, and pytest cannot remove the folder of an older run
        builder.run("rm", "--all")


def test_a_build_is_told_of_the_package_index_by_files_that_no_layer_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@mirror.example/simple")
    with Buildah(tmp_path).host_mounts() as flags:
        assert "secret" not in " ".join(flags)
        mounts = dict(
            flag.removeprefix("--volume=").split(":")[:2] for flag in flags if "conf" in flag
        )
        (pip,) = (path for path, target in mounts.items() if target == "/etc/pip.conf")
        assert "mirror.example" in Path(pip).read_text()
    assert not Path(pip).exists()
