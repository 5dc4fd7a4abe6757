"""A real sandbox runner on a free loopback port, as its pod runs it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline_steps.sandbox.child import ROOT

TOKEN = "token-of-the-tests"


@dataclass(frozen=True)
class SandboxServer:
    """Where a runner listens, and what surrounds it."""

    url: str
    token: str
    token_file: Path
    scratch: Path  # the runner's TMPDIR
    pid: int


@contextmanager
def running(folder: Path, workers: int = 2, user: int | None = None) -> Iterator[SandboxServer]:
    """Serve until the end of the block, as `user` with no capability where one is given."""
    scratch, token_file = folder / "scratch", folder / "token"
    scratch.mkdir()
    token_file.write_text(TOKEN)
    command = [sys.executable, "-m", "pipeline_steps.sandbox"]
    if user is not None:
        command = _unprivileged(user)
        os.chown(scratch, user, user)
    process = subprocess.Popen(
        command,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OREMILL_SANDBOX_TOKEN": str(token_file),
            "OREMILL_SANDBOX_PORT": "0",
            "OREMILL_SANDBOX_WORKERS": str(workers),
            "TMPDIR": str(scratch),
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(process.stdout.readline().split()[-1])
        yield SandboxServer(f"http://127.0.0.1:{port}", TOKEN, token_file, scratch, process.pid)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _unprivileged(user: int) -> list[str]:
    """Return the command of a runner that owns nothing: root only, and with the system's Python."""
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    drop += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    readable = [*drop, "/usr/bin/python3", "-c", f"import os; os.listdir({str(ROOT)!r})"]
    if os.geteuid() or subprocess.run(readable, capture_output=True).returncode:
        pytest.skip("needs root, setpriv, /usr/bin/python3, and a checkout that others may read")
    return [*drop, "/usr/bin/python3", "-m", "pipeline_steps.sandbox"]
