"""A real kube-apiserver with its etcd, alone, for the tests of CRDs, examples and the chart.

No controller and no node: objects are validated, completed, stored and read back, and nothing acts
on them. Ready in about four seconds.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from devcluster import pki, probes, programs, tools
from devcluster.layout import default_cache
from devcluster.programs import Program
from devcluster.progress import wait_until

HOST = "127.0.0.1"


@dataclass(frozen=True)
class ApiServer:
    """The running server as its administrator sees it."""

    url: str
    kubeconfig: Path
    environment: Mapping[str, str] = field(repr=False)

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of the dev cluster (kubectl, helm); the caller looks at the exit code."""
        return subprocess.run(
            words, input=stdin, env=self.environment, text=True, capture_output=True, check=False
        )

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Return what kubectl prints; fail with its own words."""
        done = self.run("kubectl", *words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        assert "Warning:" not in done.stderr, done.stderr
        return done.stdout

    def apply(self, *documents: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """Apply objects with kubectl's strict validation, as a user does."""
        return self.run("kubectl", "apply", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object as it was stored."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "--output", "json"))
        return found


@contextmanager
def running(folder: Path) -> Iterator[ApiServer]:
    """Serve until the end of the block, with everything in `folder`."""
    binaries = tools.ensure(default_cache())
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
    pki.ensure(folder / "pki", HOST, (pki.ADMIN,))
    url = f"https://{HOST}:{(port := _free_port())}"
    config = folder / "kubeconfig"
    config.write_text(pki.kubeconfig(folder / "pki", url, pki.ADMIN))
    with ExitStack() as stack:
        for program in (
            programs.etcd(folder),
            programs.api_server(
                folder / "pki", HOST, port, "--disable-admission-plugins=ServiceAccount"
            ),
        ):
            stack.enter_context(_started(program, folder, environment))
        wait_until(
            "the API server",
            lambda: probes.api_ready(folder / "pki", url),
            seconds=60,
            hint=f"See {folder / 'kube-apiserver.log'}",
        )
        yield ApiServer(url, config, environment | {"KUBECONFIG": str(config)})


@contextmanager
def _started(program: Program, folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    # etcd's socket lies in the working folder, where the API server looks for it.
    with (folder / f"{program.name}.log").open("w") as log:
        process = subprocess.Popen(
            program.argv, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])
