"""kubectl for the end-to-end tests: one namespace, JSON in and out, waiting with a reason."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devcluster import cluster
from oremill.names import GROUP, LABEL_KIND, LABEL_OWNER, LABEL_ROLE, PLURALS

JsonObject = dict[str, Any]


class Timeout(AssertionError):
    """What was waited for did not come; the message has what was seen last."""


@dataclass(frozen=True)
class Kube:
    """The cluster as one namespace sees it."""

    namespace: str
    environment: dict[str, str] = field(repr=False)

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl; the caller looks at the exit code."""
        command = ["kubectl", "--namespace", self.namespace, *words]
        return subprocess.run(
            command, input=stdin, env=self.environment, text=True, capture_output=True, check=False
        )

    def must(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl and fail with its own words."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def apply(self, source: Path | str) -> str:
        """Apply a file, or a document."""
        if isinstance(source, Path):
            return self.must("apply", "-f", str(source))
        return self.must("apply", "-f", "-", stdin=source)

    def get(self, kind: str, name: str) -> JsonObject:
        """Return one object, or {} when there is none."""
        return json.loads(self.must("get", kind, name, "-o", "json", "--ignore-not-found") or "{}")

    def items(self, kind: str, selector: str = "") -> list[JsonObject]:
        """Return the objects of a kind that carry the labels."""
        return json.loads(self.must("get", kind, "-o", "json", "-l", selector))["items"]

    def stage(self, kind: str, name: str) -> JsonObject:
        """Return the status of one of our six kinds."""
        return self.get(f"{PLURALS[kind]}.{GROUP}", name).get("status", {})

    def children(self, what: str, kind: str, name: str, role: str) -> list[JsonObject]:
        """Return the Jobs, Pods ... of one stage in one role."""
        return self.items(what, f"{LABEL_KIND}={kind},{LABEL_OWNER}={name},{LABEL_ROLE}={role}")

    def wait(
        self,
        what: str,
        look: Callable[[], JsonObject],
        until: Callable[[JsonObject], Any],
        seconds: float,
    ) -> JsonObject:
        """Look once a second until it holds.

        Raises:
            Timeout: it did not come to hold within `seconds`.
        """
        end = time.monotonic() + seconds
        while not until(seen := look()):
            if time.monotonic() > end:
                raise Timeout(f"waited {seconds:.0f} s for {what}; last seen: {json.dumps(seen)}")
            time.sleep(1)
        return seen

    def finished(self, kind: str, name: str, seconds: float) -> JsonObject:
        """Wait until a stage is Complete or Failed, and return its status."""
        return self.wait(
            f"{kind} {name} to finish",
            lambda: self.stage(kind, name),
            lambda status: status.get("phase") in ("Complete", "Failed"),
            seconds,
        )


@contextmanager
def installed(namespace: str) -> Iterator[Kube]:
    """A namespace with operator, MinIO and inputs, in which nothing was made before.

    It is kept when OREMILL_KEEP is set, to look at what failed.
    """
    kube = Kube(namespace, {**os.environ, **cluster.env()})
    if kube.run("get", "namespace", namespace).returncode == 0:
        _delete(kube)
    ready = [sys.executable, "-m", "devcluster.demo", "--namespace", namespace, "--until", "ready"]
    subprocess.run(ready, check=True)
    yield kube
    if "OREMILL_KEEP" not in os.environ:
        _delete(kube)


def _delete(kube: Kube) -> None:
    kube.must("delete", "namespace", kube.namespace, "--wait=true", "--timeout=180s")


def condition(status: JsonObject, kind: str) -> JsonObject:
    """Return one condition of a status, or {}."""
    return next((item for item in status.get("conditions", []) if item["type"] == kind), {})


def results(status: JsonObject) -> dict[str, float]:
    """Return the numbers among a status's results."""
    return {
        item["name"]: float(item["value"]) for item in status.get("results", []) if _number(item)
    }


def _number(item: JsonObject) -> bool:
    try:
        float(item["value"])
    except ValueError:
        return False
    return True
