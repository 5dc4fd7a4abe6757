"""kubectl and helm against a real kube-apiserver, for the tests of CRDs, examples and the chart."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from devcluster.apiserver import Server


@dataclass(frozen=True)
class ApiServer:
    """The running server as its administrator sees it."""

    server: Server

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl or helm; the caller looks at the exit code."""
        environment = os.environ | self.server.env
        environment["PATH"] = f"{self.server.bin}:{environment['PATH']}"
        return subprocess.run(
            words, input=stdin, env=environment, text=True, capture_output=True, check=False
        )

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Return what kubectl prints; fail with its own words, and on a warning."""
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
