"""Tell Prometheus which pods to scrape: `python -m devcluster.discovery <state folder>`, a daemon.

Debian builds Prometheus without its Kubernetes discovery. So this lists the pods every few seconds
and writes those with the usual annotations (prometheus.io/scrape, port, path) to a file that
Prometheus watches.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from devcluster import files, probes
from devcluster.layout import API_URL

SECONDS = 2.0  # between two looks; one list of a dev cluster's pods takes a few milliseconds
_NOTE = "prometheus.io/"


def main(state: Path) -> None:
    """Write the targets whenever they have changed, for ever."""
    written: list[dict[str, Any]] | None = None
    while True:
        pods = probes.api(state / "pki", API_URL, "/api/v1/pods?resourceVersion=0", user="viewer")
        if pods and (found := targets(pods["items"])) != written:
            files.write(state / "targets.json", json.dumps(found, indent=1))
            written = found
        time.sleep(SECONDS)


def targets(pods: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Prometheus' file_sd groups for the running pods that ask to be scraped."""
    return [group for pod in pods if (group := _target(pod))]


def _target(pod: dict[str, Any]) -> dict[str, Any] | None:
    meta, status = pod["metadata"], pod["status"]
    notes = meta.get("annotations", {})
    port, ip = notes.get(f"{_NOTE}port"), status.get("podIP")
    if notes.get(f"{_NOTE}scrape") != "true" or not port or not ip or status["phase"] != "Running":
        return None
    labels = {"namespace": meta["namespace"], "pod": meta["name"]}
    if path := notes.get(f"{_NOTE}path"):
        labels["__metrics_path__"] = path
    return {"targets": [f"{ip}:{port}"], "labels": labels}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
