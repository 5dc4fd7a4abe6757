"""Where the dev cluster keeps its things, and the few names and ranges that it takes from the host.

Everything lives under one cache folder. What must survive a restart (programs, images, logs) lies
beside `state`, which holds one cluster's life: `down` removes it whole, so nothing goes stale.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

NODE = "oremill"  # the node's name, and the prefix by which we know our own iptables rules
INTERFACE = "oremill0"  # carries NODE_IP; at most 15 characters
POD_CIDR = "10.214.0.0/16"  # from a part of 10/8 where clouds and VPNs rarely are
NODE_IP = "10.214.0.1"  # the pods' gateway; API server, kubelet and DNS listen here alone
SERVICE_CIDR = "10.213.0.0/16"
API_SERVICE_IP = "10.213.0.1"  # the first of SERVICE_CIDR: Kubernetes gives it to the API server
API_PORT = 6443
API_URL = f"https://{NODE_IP}:{API_PORT}"
PROMETHEUS_PORT = 9090


class DevClusterError(RuntimeError):
    """The dev cluster cannot go on; the message says what to do about it."""


def default_cache() -> Path:
    """`$OREMILL_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("OREMILL_CACHE") or Path.home() / ".cache" / "oremill").absolute()


@dataclass(frozen=True)
class Layout:
    """The paths of one cache."""

    cache: Path

    @property
    def state(self) -> Path:
        """One cluster's life: keys, configuration, etcd, sockets, pods' volumes."""
        return self.cache / "cluster"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.state / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, which people and tests use."""
        return self.kubeconfig_of("admin")

    def kubeconfig_of(self, client: str) -> Path:
        """The kubeconfig of one of the programs, or of `admin`."""
        return self.state / f"{client}.kubeconfig"

    @property
    def cgroup(self) -> str:
        """The pods' cgroup, named after the state folder: no two clusters share one."""
        return f"{NODE}-{hashlib.sha256(str(self.state).encode()).hexdigest()[:8]}"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd answers; `ctr` and the kubelet speak to it."""
        return self.state / "containerd.sock"

    @property
    def containerd_root(self) -> Path:
        """The image store: outside `state`, so that loaded images survive `down`."""
        return self.cache / "containerd"

    @property
    def logs(self) -> Path:
        """One file a program; kept after `down`, since that is when they are wanted."""
        return self.cache / "logs"

    @property
    def lock(self) -> Path:
        """Held while the cluster is changed."""
        return self.cache / "cluster.lock"
