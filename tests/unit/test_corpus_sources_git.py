"""Repositories are cloned from a real server: one commit, nothing run, and plain refusals."""

import hashlib
import os
import socket
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline_steps.corpus.sources import git_cli, revisions
from pipeline_steps.errors import UserError
from pipeline_steps.inputs import bucket_inputs
from pipeline_steps.storage import Store
from tests.corpus_sources import corpus, fates, listed, put, read
from tests.git_server import Work, serving
from tests.minio_server import MinioServer


@dataclass(frozen=True)
class Hosted:
    """A server with one repository: two commits, a tag on the first, a branch beside."""

    url: str
    work: Work
    bare: Path
    first: str
    second: str
    side: str


@pytest.fixture(scope="module")
def store(minio: MinioServer) -> Store:
    return minio.store("corpus-git")


@pytest.fixture(scope="module", params=["smart", "dumb"])
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hosted]:
    folder = tmp_path_factory.mktemp(request.param)
    work = Work.new(folder / "work")
    first = work.commit({"a.py": "a = 1\n", "LICENSE": "MIT License\n", "src/b.py": "b = 1\n"})
    work.git("tag", "--annotate", "--message", "One", "v1")
    work.git("checkout", "--quiet", "-b", "side")
    side = work.commit({"side.py": "s = 1\n"})
    work.git("checkout", "--quiet", "main")
    (work.folder / "link.py").symlink_to("/etc/passwd")
    (work.folder / "latin.py").write_bytes(b"caf\xe9")
    (work.folder / "nul.bin").write_bytes(b"a\0b")
    (work.folder / "big.py").write_text("#" * 2000)
    (work.folder / os.fsdecode(b"\xff.py")).write_text("x = 1\n")
    submodule = f"160000,{first},module"
    work.git("add", "--all")
    work.git("update-index", "--add", "--cacheinfo", submodule)
    work.git("commit", "--quiet", "--message", "Odd files")
    second = work.git("rev-parse", "HEAD")
    bare = folder / "root" / "ann" / "mill.git"
    work.publish(bare)
    with serving(folder / "root", dumb=request.param == "dumb") as address:
        yield Hosted(f"{address}/ann/mill.git", work, bare, first, second, side)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test is a process of its own that has asked nobody yet."""
    monkeypatch.setattr(git_cli, "PAUSES", ())
    revisions._resolved.cache_clear()


def git(url: str, ref: str = "HEAD") -> dict[str, object]:
    return {"git": {"repositories": [{"url": url, "ref": ref}]}}


def test_the_newest_commit_is_read_and_odd_files_have_reasons(
    host: Hosted, store: Store, tmp_path: Path
) -> None:
    found = read(store, git(host.url), tmp_path)
    assert {path: fate for (_, path), fate in fates(found).items()} == {
        "LICENSE": "MIT License\n",
        "a.py": "a = 1\n",
        "big.py": "too-large",
        "latin.py": "not-utf8",
        "link.py": "not-a-regular-file",
        "module": "submodule",
        "nul.bin": "binary",
        "src/b.py": "b = 1\n",
        "\\udcff.py": "unsafe-path",
    }
    assert {member.revision for member in found.values()} == {host.second}
    assert {member.repository for member in found.values()} == {"ann/mill"}


@pytest.mark.parametrize("ref", ["first", "v1", "side", "main"])
def test_a_ref_says_which_commit(host: Hosted, store: Store, tmp_path: Path, ref: str) -> None:
    wanted = {"first": host.first, "v1": host.first, "side": host.side, "main": host.second}[ref]
    found = read(store, git(host.url, host.first if ref == "first" else ref), tmp_path)
    assert {member.revision for member in found.values()} == {wanted}
    assert ("ann/mill", "side.py") in found if ref == "side" else ("ann/mill", "a.py") in found


def test_a_server_that_can_gives_one_commit_without_history(host: Hosted, tmp_path: Path) -> None:
    git_cli.fetch(tmp_path / "bare", host.url, host.second)
    history = Work(tmp_path / "bare").git("rev-list", host.second).split()
    dumb = (host.bare.parents[2].name).startswith("dumb")
    assert history == ([host.second, host.first] if dumb else [host.second])


def test_the_digest_of_the_input_is_the_commit(host: Hosted, store: Store) -> None:
    (one,) = bucket_inputs(store, corpus(git(host.url, "v1")))
    assert (one.name, one.uri) == ("sources[0].git.repositories[0].url", host.url)
    assert one.digest == host.first


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("nothing", r"repositories\[0\]\.url: http.* has no 'nothing'; give a tag, a branch"),
        ("1" * 40, r"http.* has no commit 1{40}"),
    ],
    ids=["branch", "commit"],
)
def test_what_is_not_there_is_the_users_mistake(
    host: Hosted, store: Store, tmp_path: Path, ref: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read(store, git(host.url, ref), tmp_path)


def test_a_server_that_does_not_answer_is_named(store: Store, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a.git"
        with pytest.raises(UserError, match=rf"repositories\[0\]\.url: {url} does not answer: "):
            read(store, git(url), tmp_path)


def test_a_repository_that_the_server_lacks_is_named(
    host: Hosted, store: Store, tmp_path: Path
) -> None:
    url = host.url.replace("mill", "none")
    with pytest.raises(UserError, match=rf"{url} does not answer: .*not found"):
        read(store, git(url), tmp_path)


def test_no_setting_of_the_machine_reaches_git(
    host: Hosted, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    config = '[url "http://127.0.0.1:1/"]\n  insteadOf = http://\n'
    (tmp_path / "home" / ".gitconfig").write_text(config)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert read(store, git(host.url, "v1"), tmp_path)


@pytest.mark.parametrize(
    "url", ["file:///etc", "ssh://a/b", "ext::sh -c id", "git://a/b", "https://user:key@a/b", "-u"]
)
def test_no_address_but_plain_http_is_taken(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        corpus(git(url))


@pytest.mark.parametrize("ref", ["main", "v1", "HEAD", "commit"])
def test_a_bundle_of_the_bucket_is_read(store: Store, tmp_path: Path, ref: str) -> None:
    work = Work.new(tmp_path / "work")
    first = work.commit({"a.py": "a = 1\n"})
    work.git("tag", "--annotate", "--message", "One", "v1")
    work.git("bundle", "create", "--quiet", "all.bundle", "--all", "HEAD")
    content = (work.folder / "all.bundle").read_bytes()
    put(store, tmp_path, {f"bundles/{ref}/mill.bundle": content})
    wanted = first if ref == "commit" else ref
    source = {"git": {"repositories": [{"bundle": f"bundles/{ref}/mill.bundle", "ref": wanted}]}}
    found = read(store, source, tmp_path)
    assert fates(found) == {("mill", "a.py"): "a = 1\n"}
    assert found["mill", "a.py"].revision == first
    (item,) = listed(store, corpus(source), tmp_path)
    assert item.etag
    (one,) = bucket_inputs(store, corpus(source))
    assert one.name == "sources[0].git.repositories[0].bundle"


def bundle_without_a_tree() -> bytes:
    """Return a bundle whose commit names a tree that is not in it."""
    commit = f"tree {'1' * 40}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nx\n".encode()
    name = hashlib.sha1(b"commit %d\0%s" % (len(commit), commit)).hexdigest()
    size = bytes([0x10 | 0x80 | len(commit) & 15, len(commit) >> 4])
    pack = b"PACK" + struct.pack(">II", 2, 1) + size + zlib.compress(commit)
    head = f"# v2 git bundle\n{name} refs/heads/main\n\n".encode()
    return head + pack + hashlib.sha1(pack).digest()


def test_a_repository_that_is_damaged_has_its_row(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, {"damaged/mill.bundle": bundle_without_a_tree()})
    source = {"git": {"repositories": [{"bundle": "damaged/mill.bundle", "ref": "main"}]}}
    assert fates(read(store, source, tmp_path)) == {("mill", ""): "unreadable-repository"}


@pytest.mark.parametrize(
    ("content", "ref", "message"),
    [
        (b"no bundle", "main", r"bad\.bundle is no bundle"),
        (None, "main", r"repositories\[0\]\.bundle: there is no object"),
        (b"", "none", r"bad\.bundle has no 'none'; it has: refs/heads/main"),
        (b"", "1" * 40, r"bad\.bundle has no commit 1{40}"),
    ],
    ids=["damaged", "missing", "branch", "commit"],
)
def test_a_bundle_that_cannot_be_read_is_the_users_mistake(
    store: Store, tmp_path: Path, content: bytes | None, ref: str, message: str
) -> None:
    key = f"bad-{ref}-{content!r}/bad.bundle"
    if content == b"":
        work = Work.new(tmp_path / "work")
        work.commit({"a.py": "a = 1\n"})
        work.git("bundle", "create", "--quiet", "all.bundle", "main")
        content = (work.folder / "all.bundle").read_bytes()
    put(store, tmp_path, {} if content is None else {key: content})
    with pytest.raises(UserError, match=message):
        read(store, {"git": {"repositories": [{"bundle": key, "ref": ref}]}}, tmp_path)
