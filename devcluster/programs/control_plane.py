"""The store, the API server, the controllers, the scheduler.

Each option that is not a plain default has its reason beside it; most traps were met.
"""

from __future__ import annotations

from pathlib import Path

from devcluster.layout import SERVICE_CIDR, Layout
from devcluster.programs.program import Program

# A socket file in the working folder, which only root can open. etcd 3.4 wants the form host:port.
ETCD = "unix://etcd:0"
# The defaults (20 to 50 a second) would be what a benchmark of the operator measures.
_API_RATE = ("--kube-api-qps=200", "--kube-api-burst=400")


def etcd(state: Path) -> Program:
    """The store. Losing its last second at a power cut is fine here, and fsync costs most."""
    peer = "unix://peer:0"
    argv = (
        "etcd",
        f"--data-dir={state / 'etcd'}",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
        "--logger=zap",
    )
    return Program("etcd", argv, in_the_way=(state / "etcd:0", state / "peer:0"))


def api_server(pki: Path, address: str, port: int, *extra: str) -> Program:
    """The API server, listening on `address` alone."""
    argv = (
        "kube-apiserver",
        f"--etcd-servers={ETCD}",
        f"--bind-address={address}",
        f"--advertise-address={address}",
        f"--secure-port={port}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'admin.crt'}",
        f"--kubelet-client-key={pki / 'admin.key'}",
        # By host name it would ask the machine's DNS, which knows no such node: kubectl logs fails.
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'service-accounts.pub'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        *extra,
    )
    return Program("kube-apiserver", argv)


def controller_manager(layout: Layout) -> Program:
    """The controllers. One copy runs, so it need not elect a leader, which takes seconds."""
    argv = (
        "kube-controller-manager",
        f"--kubeconfig={layout.kubeconfig_of('kube-controller-manager')}",
        f"--root-ca-file={layout.pki / 'ca.crt'}",
        f"--service-account-private-key-file={layout.pki / 'service-accounts.key'}",
        f"--flex-volume-plugin-dir={layout.state / 'volume-plugins'}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--secure-port=0",
        *_API_RATE,
    )
    return Program("kube-controller-manager", argv)


def scheduler(layout: Layout) -> Program:
    """The scheduler."""
    config = f"--kubeconfig={layout.kubeconfig_of('kube-scheduler')}"
    argv = ("kube-scheduler", config, "--leader-elect=false", "--secure-port=0", *_API_RATE)
    return Program("kube-scheduler", argv)
