"""A real API server for tests: etcd and kube-apiserver on a free port, in a folder of the test's.

No controller and no node: what a test writes stays as it wrote it. Several may run at once.

    with devcluster.apiserver.start(tmp_path) as server:
        config.load_kube_config(config_file=str(server.kubeconfig))
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devcluster import debian, pki, probes, programs, tools
from devcluster.daemons import Daemons
from devcluster.layout import default_cache
from devcluster.programs import control_plane

ADDRESS = "127.0.0.1"
PACKAGES = ("ca-certificates", "etcd-server", "openssl")
_PLUGINS_OFF = "--disable-admission-plugins=ServiceAccount"  # its accounts come from a controller
# It would publish its address as the Service "kubernetes", where a loopback one is not allowed.
_NO_ENDPOINTS = "--endpoint-reconciler-type=none"


@dataclass(frozen=True)
class Server:
    """A running API server, and how to reach it as the administrator."""

    url: str
    kubeconfig: Path
    bin: Path  # holds kubectl

    @property
    def env(self) -> dict[str, str]:
        """For a command that reads KUBECONFIG."""
        return {"KUBECONFIG": str(self.kubeconfig)}


@contextlib.contextmanager
def start(folder: Path) -> Iterator[Server]:
    """Run an API server until the block ends. Logs and data are in `folder`, which stays."""
    debian.install_missing(PACKAGES)
    built = tools.ensure(default_cache())
    keys, port = folder / "pki", _free_port()
    server = Server(f"https://{ADDRESS}:{port}", folder / "kubeconfig", built)
    pki.ensure(keys, ADDRESS, (pki.ADMIN,))
    server.kubeconfig.write_text(pki.kubeconfig(keys, server.url, pki.ADMIN))
    daemons = Daemons(folder, folder / "logs")
    api_server = control_plane.api_server(keys, ADDRESS, port, _PLUGINS_OFF, _NO_ENDPOINTS)
    try:
        daemons.start(control_plane.etcd(folder))
        daemons.start(programs.from_build(api_server, built))
        daemons.wait("the API server", lambda: probes.api_ready(keys, server.url), seconds=60)
        yield server
    finally:
        daemons.stop()


def _free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])
