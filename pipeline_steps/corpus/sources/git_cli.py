"""The only module that runs git, on repositories of strangers.

No configuration but ours, no hooks, no prompts, no helpers, no protocol but http(s); nothing is
ever checked out. Of the pod's environment git gets proxies and authorities.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline_steps.errors import UserError

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
PAUSES = (2.0, 8.0)  # seconds before a server that did not answer is asked again
DEADLINE = 3600  # seconds of one command
PASSED = (
    "PATH", "LANG", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
    "NO_PROXY", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
SETTINGS = (
    "core.hooksPath=/dev/null", "credential.helper=", "fetch.recurseSubmodules=false",
    "gc.auto=0", "maintenance.auto=false", "protocol.version=2", "advice.detachedHead=false",
    # What is larger is no source: it passes through without being held.
    "core.bigFileThreshold=16m", "core.deltaBaseCacheLimit=32m", "pack.threads=1",
)  # fmt: skip
# What a second try cannot change.
FINAL = re.compile(r"not found|authentication|could not read|denied|forbidden|40[134]", re.I)


class GitError(Exception):
    """Git's last line."""


@dataclass(frozen=True)
class Entry:
    """A name in a commit's tree."""

    mode: str  # 100644, 100755, 120000 (a link), 160000 (a submodule)
    blob: str
    size: int  # bytes; 0 for a submodule
    path: str


def resolve(url: str, ref: str) -> str:
    """Return the commit that a ref of a server stands for now.

    Args:
        url: of the repository.
        ref: a whole commit id, which nobody is asked about; or a tag, or else a branch.

    Raises:
        UserError: the server does not answer, or has no such ref.
    """
    if COMMIT.fullmatch(ref):
        return ref
    wanted = [ref] if ref == "HEAD" else [f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}",
                                         f"refs/heads/{ref}", ref]  # fmt: skip
    try:
        lines = _patiently(["ls-remote", "--", url, "HEAD", ref, f"{ref}^{{}}"])
    except GitError as error:
        raise UserError(f"{url} does not answer: {error}") from error
    there = {name: commit for commit, _, name in (row.partition("\t") for row in lines)}
    for name in wanted:
        if name in there:
            return there[name]
    raise UserError(f"{url} has no {ref!r}; give a tag, a branch, or all digits of a commit")


def fetch(folder: Path, url: str, commit: str) -> None:
    """Make a bare repository with one commit of a server's.

    A server that gives no single commits (an old one, or plain files over HTTP) is cloned whole.

    Raises:
        UserError: the server does not answer, or has no such commit.
    """
    run(["init", "--quiet", "--bare", "--template=", str(folder)])
    here = ["-C", str(folder), "fetch", "--quiet", "--no-tags"]
    try:
        run([*here, "--depth=1", "--", url, commit])
    except GitError:
        try:
            _patiently([*here, "--", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"])
        except GitError as error:
            raise UserError(f"{url} cannot be cloned: {error}") from error
    _commit(folder, url, commit)


def unbundle(folder: Path, bundle: Path, shown: str, ref: str) -> str:
    """Make a bare repository of a bundle; return the commit that `ref` stands for in it.

    Raises:
        UserError: it is no whole bundle, or has no such ref.
    """
    run(["init", "--quiet", "--bare", "--template=", str(folder)])
    try:
        lines = run(["-C", str(folder), "bundle", "unbundle", str(bundle)])
    except GitError as error:
        raise UserError(f"{shown} is no bundle that can be read alone: {error}") from error
    heads = {name: commit for commit, _, name in (line.partition(" ") for line in lines)}
    names = (ref, f"refs/tags/{ref}", f"refs/heads/{ref}")
    wanted = ref if COMMIT.fullmatch(ref) else next((heads[n] for n in names if n in heads), "")
    if not wanted:
        there = ", ".join(sorted(heads)) or "nothing"
        raise UserError(f"{shown} has no {ref!r}; it has: {there}")
    return _commit(folder, shown, wanted)


def tree(folder: Path, commit: str) -> Iterator[Entry]:
    """Yield every file of a commit, in the order of git."""
    command = ["-C", str(folder), "ls-tree", "-r", "-z", "--long", "--full-tree", commit]
    with _piped(command) as (_, out):
        rest = b""
        while block := out.read(2**16):
            *lines, rest = (rest + block).split(b"\0")
            yield from map(_entry, lines)


@contextmanager
def blobs(folder: Path) -> Iterator["Blobs"]:
    """Open a repository's objects, for as long as the block lasts."""
    with _piped(["-C", str(folder), "cat-file", "--batch"]) as (questions, answers):
        yield Blobs(questions, answers)


@dataclass(frozen=True)
class Blobs:
    """`git cat-file --batch`, which answers one question after the other."""

    questions: IO[bytes]
    answers: IO[bytes]

    def read(self, blob: str) -> bytes:
        """Return a blob's bytes. Raises GitError: it is not there."""
        self.questions.write(f"{blob}\n".encode())
        self.questions.flush()
        answer = self.answers.readline().decode().split()
        if len(answer) != 3:
            raise GitError(" ".join(answer) or "git ended")
        content = self.answers.read(int(answer[2]) + 1)
        return content[:-1]


def run(arguments: Sequence[str]) -> list[str]:
    """Return the lines that a git command writes. Raises GitError."""
    try:
        done = subprocess.run(
            _command(arguments), env=_environment(), stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=DEADLINE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise GitError(f"no end after {DEADLINE} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(said[-1] if said else f"exit code {done.returncode}")
    return done.stdout.decode("utf-8", "replace").splitlines()


def _patiently(arguments: Sequence[str]) -> list[str]:
    for pause in PAUSES:
        try:
            return run(arguments)
        except GitError as error:
            if FINAL.search(str(error)):
                raise
        time.sleep(pause)
    return run(arguments)


def _commit(folder: Path, shown: str, name: str) -> str:
    """Return the commit of a tag's or a commit's id. Raises UserError: there is none."""
    try:
        return run(["-C", str(folder), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"])[0]
    except GitError as error:
        raise UserError(f"{shown} has no commit {name}") from error


@contextmanager
def _piped(arguments: Sequence[str]) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Run git with pipes; it ends with the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        _command(arguments), env=_environment(), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin and process.stdout
        try:
            yield process.stdin, process.stdout
            process.stdin.close()
            if process.wait(timeout=60):
                raise GitError(f"git {' '.join(arguments[2:4])} ended with {process.returncode}")
        finally:
            if process.poll() is None:
                process.kill()


def _entry(line: bytes) -> Entry:
    told, _, path = line.partition(b"\t")
    mode, _, blob, size = told.decode().split()
    shown = path.decode("utf-8", "surrogateescape")
    return Entry(mode, blob, int(size) if size.isdigit() else 0, shown)


def _command(arguments: Sequence[str]) -> list[str]:
    settings = [part for setting in SETTINGS for part in ("-c", setting)]
    return ["git", *settings, *arguments]


def _environment() -> Mapping[str, str]:
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    authority = {"GIT_SSL_CAINFO": passed["SSL_CERT_FILE"]} if "SSL_CERT_FILE" in passed else {}
    return {
        **authority,
        **passed,
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ALLOW_PROTOCOL": "http:https",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_HTTP_LOW_SPEED_LIMIT": "1000",  # bytes a second
        "GIT_HTTP_LOW_SPEED_TIME": "60",  # seconds below it, and the transfer ends
        "GIT_NO_LAZY_FETCH": "1",
    }
