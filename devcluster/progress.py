"""Slow steps say what they do and how long it took; waiting ends and names what it waited for."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from devcluster.layout import DevClusterError


def say(line: str) -> None:
    """Progress goes to stderr: stdout belongs to `env`, whose output a shell evaluates."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Announce `what`, then say how long it took; by name, since two may run side by side."""
    say(f"==> {what}")
    start = time.monotonic()
    yield
    say(f"    {time.monotonic() - start:.1f} s: {what.partition(' (')[0]}")


def wait_until(
    what: str, check: Callable[[], bool], *, seconds: float, every: float = 0.1, hint: str = ""
) -> None:
    """Poll `check` until it holds. Raises DevClusterError, with both texts, when time is up."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise DevClusterError(f"waited {seconds:.0f} s for {what}, in vain. {hint}".strip())
        time.sleep(every)


@contextlib.contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the file lock at `path`; the kernel frees it when this process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"==> {what} is under way elsewhere; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def call(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end and return its stdout. Raises DevClusterError with its stderr."""
    words = [str(word) for word in argv]
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, env=env)
    if done.returncode:
        command = " ".join(words)
        raise DevClusterError(f"`{command}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
