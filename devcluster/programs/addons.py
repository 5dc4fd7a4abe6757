"""What a cluster is expected to have beside Kubernetes itself: DNS and metrics."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from devcluster.layout import NODE_IP, PROMETHEUS_PORT, Layout
from devcluster.programs.program import Program


def coredns(layout: Layout) -> Program:
    """Names of Services and pods, on the pods' gateway address. No other name exists in here."""
    corefile = f"""\
cluster.local in-addr.arpa {{
    bind {NODE_IP}
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {layout.kubeconfig_of("viewer")}
        ttl 1
    }}
    errors
}}
. {{
    bind {NODE_IP}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
    errors
}}
"""
    path = layout.state / "Corefile"
    return Program("coredns", ("coredns", f"-conf={path}"), {path: corefile})


def prometheus(layout: Layout) -> Program:
    """Metrics of every pod that asks for it by annotation, at 127.0.0.1."""
    path = layout.state / "prometheus.json"
    argv = (
        "prometheus",
        f"--config.file={path}",
        f"--storage.tsdb.path={layout.state / 'prometheus'}",
        "--storage.tsdb.retention.time=2d",
        f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}",
        "--log.level=warn",
    )
    return Program("prometheus", argv, {path: json.dumps(prometheus_config(layout), indent=1)})


def prometheus_config(layout: Layout) -> dict[str, Any]:
    """Scrape what `discovery` finds, under the labels that it gives."""
    job = {
        "job_name": "pods",
        "file_sd_configs": [{"files": [str(layout.state / "targets.json")]}],
        "honor_labels": True,  # the operator's `namespace` is that of the object it speaks of
    }
    return {"global": {"scrape_interval": "5s"}, "scrape_configs": [job]}


def discovery(layout: Layout) -> Program:
    """Finds the pods that ask to be scraped.

    By the interpreter's real path, which is the same from each of its virtual environments.
    """
    python = os.path.realpath(sys.executable)
    return Program("discovery", (python, "-m", "devcluster.discovery", str(layout.state)))
