"""Questions to a running cluster, each answered within about a second; a no is not an error."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from devcluster.layout import API_SERVICE_IP, API_URL, NODE, NODE_IP, PROMETHEUS_PORT, Layout

TIMEOUT = 2.0


def api(pki: Path, server: str, path: str, user: str = "admin") -> Any:
    """GET `path` as `user`; None when nobody answers or the answer is an error."""
    try:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")
        with urllib.request.urlopen(server + path, timeout=TIMEOUT, context=context) as answer:
            return json.loads(body) if (body := answer.read()).startswith(b"{") else body.decode()
    except (OSError, urllib.error.URLError):
        return None


def api_ready(pki: Path, server: str) -> bool:
    """The API server has finished all that it does at its start."""
    return bool(api(pki, server, "/readyz") == "ok")


def node_ready(layout: Layout) -> bool:
    """The kubelet has said that pods can run here."""
    node = api(layout.pki, API_URL, f"/api/v1/nodes/{NODE}")
    conditions = node["status"].get("conditions", []) if node else []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def accounts_ready(layout: Layout) -> bool:
    """The controllers run: pods need the namespace's service account, which one of them makes."""
    return (
        api(layout.pki, API_URL, "/api/v1/namespaces/default/serviceaccounts/default") is not None
    )


def services_ready() -> bool:
    """kube-proxy has written its rules: the API server's Service accepts connections."""
    return _connects((API_SERVICE_IP, 443))


def prometheus_ready() -> bool:
    """Prometheus listens."""
    return _connects(("127.0.0.1", PROMETHEUS_PORT))


def dns_ready() -> bool:
    """CoreDNS answers with the address of the API server's Service."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(TIMEOUT)
        udp.sendto(dns_query("kubernetes.default.svc.cluster.local"), (NODE_IP, 53))
        return udp.recv(512).endswith(socket.inet_aton(API_SERVICE_IP))
    return False


def dns_query(name: str) -> bytes:
    """A DNS question for the IPv4 address of `name` (RFC 1035, section 4)."""
    header = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0)  # id 1, recursion desired, one question
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return header + labels + b"\0" + struct.pack(">HH", 1, 1)  # type A, class IN


def answers(path: Path) -> bool:
    """Somebody accepts connections on the Unix socket at `path`."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as unix:
        unix.settimeout(TIMEOUT)
        unix.connect(str(path))
        return True
    return False


def _connects(address: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=TIMEOUT):
        return True
    return False
