"""Keys and certificates of one cluster's life, made with the openssl command.

One authority signs every certificate. Nothing is renewed: the whole folder goes with `down`, and a
year is longer than any dev cluster's life.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from devcluster.layout import API_SERVICE_IP, NODE, DevClusterError
from devcluster.progress import call

DAYS = "365"
# openssl's own configuration would mark every certificate as an authority.
_CONFIG = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\n"


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for: Kubernetes takes the user from CN and the groups from O."""

    file: str
    user: str
    group: str = ""
    names: tuple[str, ...] = ()  # subjectAltName entries; a certificate with names serves TLS


ADMIN = Identity("admin", "oremill-admin", "system:masters")
VIEWER = Identity("viewer", "oremill-viewer", "oremill:viewers")  # CoreDNS and Prometheus only read
CLIENTS = (
    ADMIN,
    VIEWER,
    Identity("kube-controller-manager", "system:kube-controller-manager"),
    Identity("kube-scheduler", "system:kube-scheduler"),
    Identity("kube-proxy", "system:kube-proxy"),
    Identity("kubelet", f"system:node:{NODE}", "system:nodes"),
)


def api_server(address: str) -> Identity:
    """The API server's serving certificate, good under every name that a pod may call it by."""
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    local = "kubernetes.default.svc.cluster.local"
    ips = (f"IP:{ip}" for ip in sorted({address, API_SERVICE_IP, "127.0.0.1"}))
    return Identity(
        "apiserver", "kube-apiserver", "", (*(f"DNS:{n}" for n in (*names, local)), *ips)
    )


def ensure(pki: Path, address: str, clients: tuple[Identity, ...] = CLIENTS) -> None:
    """Make what is missing. A certificate comes after its key, so a cut-short run is finished."""
    pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    (pki / "openssl.cnf").write_text(_CONFIG)
    if not (pki / "ca.crt").exists():
        _authority(pki)
    if not (pki / "service-accounts.key").exists():
        _service_account_key(pki)
    for identity in (*clients, api_server(address)):
        if not (pki / f"{identity.file}.crt").exists():
            _sign(pki, identity)


def kubeconfig(pki: Path, server: str, identity: Identity) -> str:
    """A kubeconfig that holds its keys, so that it works from anywhere (JSON is YAML)."""

    def data(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    user = {
        "client-certificate-data": data(f"{identity.file}.crt"),
        "client-key-data": data(f"{identity.file}.key"),
    }
    cluster = {"server": server, "certificate-authority-data": data("ca.crt")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NODE,
        "clusters": [{"name": NODE, "cluster": cluster}],
        "users": [{"name": identity.user, "user": user}],
        "contexts": [{"name": NODE, "context": {"cluster": NODE, "user": identity.user}}],
    }
    return json.dumps(config, indent=1)


def _authority(pki: Path) -> None:
    extensions = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
    _request(pki, "ca", "/CN=oremill-dev-ca", extensions)


def _sign(pki: Path, identity: Identity) -> None:
    subject = (f"/O={identity.group}" if identity.group else "") + f"/CN={identity.user}"
    usage = "serverAuth" if identity.names else "clientAuth"
    extensions = ["basicConstraints=CA:FALSE", f"extendedKeyUsage={usage}"]
    if identity.names:
        extensions.append("subjectAltName=" + ",".join(identity.names))
    signer = ("-CA", str(pki / "ca.crt"), "-CAkey", str(pki / "ca.key"))
    _request(pki, identity.file, subject, extensions, signer)


def _request(
    pki: Path,
    name: str,
    subject: str,
    extensions: tuple[str, ...] | list[str],
    signer: tuple[str, ...] = (),
) -> None:
    key, crt, unfinished = pki / f"{name}.key", pki / f"{name}.crt", pki / f"{name}.part"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
    added = [word for extension in extensions for word in ("-addext", extension)]
    out = ("-subj", subject, "-days", DAYS, "-keyout", key, "-out", unfinished)
    call(["openssl", "req", "-x509", "-config", pki / "openssl.cnf", *curve, *out, *signer, *added])
    if not unfinished.stat().st_size:
        raise DevClusterError(f"openssl wrote an empty certificate for {subject}")
    unfinished.rename(crt)


def _service_account_key(pki: Path) -> None:
    """The key pair that signs pods' tokens; the private one is renamed into place last."""
    part = pki / "service-accounts.part"
    curve = ("-pkeyopt", "ec_paramgen_curve:P-256")
    call(["openssl", "genpkey", "-algorithm", "EC", *curve, "-out", part])
    call(["openssl", "pkey", "-in", part, "-pubout", "-out", pki / "service-accounts.pub"])
    part.rename(pki / "service-accounts.key")
