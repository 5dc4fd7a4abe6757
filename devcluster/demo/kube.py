"""kubectl and helm on the demo's namespace: the one door to the cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devcluster import cluster, tools
from devcluster.layout import DevClusterError, Layout
from devcluster.progress import call


@dataclass(frozen=True)
class Kube:
    """A namespace of a cluster: of the dev cluster, or of a context of the user's kubeconfig."""

    namespace: str
    environment: Mapping[str, str]
    context: str = ""

    @classmethod
    def of(cls, layout: Layout, context: str, namespace: str) -> Kube:
        """The dev cluster's, or that of `context`, with our programs where the user has none."""
        if not context:
            return cls(namespace, {**os.environ, **cluster.env()})
        found = all(shutil.which(program) for program in ("kubectl", "helm"))
        folder = "" if found else str(tools.ensure(layout.cache))
        path = os.pathsep.join(filter(None, (os.environ.get("PATH", ""), folder)))
        return cls(namespace, {**os.environ, "PATH": path}, context)

    def kubectl(self, *words: str | Path, stdin: str | None = None) -> str:
        """Run kubectl and return its stdout. Raises DevClusterError with its stderr."""
        return call(self._argv("kubectl", "--context", words), stdin=stdin, env=self.environment)

    def get(self, *words: str) -> Any:
        """What `kubectl get` answers, parsed; {} for one object that is not there."""
        flags = ("--output", "json", "--ignore-not-found")
        return json.loads(self.kubectl("get", *words, *flags) or "{}")

    def apply(self, body: Mapping[str, Any]) -> None:
        """Apply one object."""
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(body))

    def helm(self, *words: str | Path) -> str:
        """Run helm and return its stdout. Raises DevClusterError with its stderr."""
        return call(self._argv("helm", "--kube-context", words), env=self.environment)

    def send(self, data: bytes, *words: str) -> None:
        """Run kubectl with bytes on its stdin."""
        argv = self._argv("kubectl", "--context", words)
        done = subprocess.run(argv, input=data, capture_output=True, env=self.environment)
        if done.returncode:
            raise DevClusterError(f"`{' '.join(argv)}` failed: {done.stderr.decode().strip()}")

    def _argv(self, program: str, flag: str, words: Sequence[str | Path]) -> list[str]:
        context = (flag, self.context) if self.context else ()
        # PATH of the new environment decides, not this process's.
        found = shutil.which(program, path=self.environment["PATH"]) or program
        return [found, *context, "--namespace", self.namespace, *(str(word) for word in words)]
