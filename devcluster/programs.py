"""What runs and with which configuration: pure, from a layout to command lines and files.

Each option that is not a plain default has its reason beside it; most were found by meeting the trap.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from devcluster.layout import (
    API_PORT,
    NODE,
    NODE_IP,
    POD_CIDR,
    PROMETHEUS_PORT,
    SERVICE_CIDR,
    Layout,
)

PAUSE_IMAGE = "oremill.dev/pause:1"
ETCD = (
    "unix://etcd:0"  # a socket file in the working folder; 3.4 wants the form host:port even here
)
NOT_BUILT = ("containerd", "etcd", "prometheus", "discovery")
CNI_PLUGINS = "/usr/lib/cni"  # where Debian's containernetworking-plugins puts them


@dataclass(frozen=True)
class Program:
    """A daemon: its command line, and the files (by path) that it reads at its start."""

    name: str
    argv: tuple[str, ...]
    files: Mapping[Path, str] = field(default_factory=dict)
    in_the_way: tuple[
        Path, ...
    ] = ()  # what a killed predecessor leaves, and this one stumbles over

    def files_are_current(self) -> bool:
        """The files on disk are the ones that it should have read."""
        return all(path.exists() and path.read_text() == text for path, text in self.files.items())


def etcd(state: Path) -> Program:
    """The store. Losing the last second at a power cut is fine here, and fsync is most of its time."""
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
        # By host name it would ask the machine's DNS, which knows no node "oremill": kubectl logs fails.
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
    """The controllers. One copy runs, so it need not elect a leader (which costs seconds at start)."""
    argv = (
        "kube-controller-manager",
        f"--kubeconfig={kubeconfig(layout, 'kube-controller-manager')}",
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
    config = f"--kubeconfig={kubeconfig(layout, 'kube-scheduler')}"
    argv = ("kube-scheduler", config, "--leader-elect=false", "--secure-port=0", *_API_RATE)
    return Program("kube-scheduler", argv)


# The defaults (20 to 50 a second) would be what a benchmark of the operator measures.
_API_RATE = ("--kube-api-qps=200", "--kube-api-burst=400")


def containerd(layout: Layout) -> Program:
    """The container runtime, with every path of its own, so that it can live beside another containerd."""
    config, cni = layout.state / "containerd.toml", layout.state / "cni" / "10-oremill.conflist"
    argv = ("containerd", f"--config={config}")
    files = {config: containerd_toml(layout, cni.parent), cni: cni_config(layout)}
    return Program("containerd", argv, files)


def containerd_toml(layout: Layout, cni: Path) -> str:
    """containerd's configuration."""
    cri = "io.containerd.grpc.v1.cri"
    return f"""\
version = 2
root = "{layout.containerd_root}"
state = "{layout.state}/containerd"
[grpc]
address = "{layout.containerd_socket}"
[plugins."io.containerd.internal.v1.opt"]
path = "{layout.state}/opt"
[plugins."{cri}"]
sandbox_image = "{PAUSE_IMAGE}"
# Without CAP_SYS_RESOURCE a score cannot be lowered, and runc dies: "can't get final child's PID from pipe".
restrict_oom_score_adj = true
# Beside our state, not in /run/netns: so that `down` knows which are ours.
netns_mounts_under_state_dir = true
[plugins."{cri}".cni]
bin_dir = "{CNI_PLUGINS}"
conf_dir = "{cni}"
[plugins."{cri}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."{cri}".containerd.runtimes.runc.options]
Root = "{layout.state}/runc"
SystemdCgroup = false
"""


def cni_config(layout: Layout) -> str:
    """Pods' network: a routed veth pair for each.

    A bridge would pass a Service's answers between two pods of one node below iptables unless the kernel
    has br_netfilter; a route passes them through it always.
    """
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_CIDR, "gateway": NODE_IP}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(layout.state / "ipam"),
    }
    plugins = [{"type": "ptp", "ipMasq": False, "ipam": ipam}]
    return json.dumps({"cniVersion": "0.4.0", "name": "oremill", "plugins": plugins}, indent=1)


def kubelet(layout: Layout) -> Program:
    """The node's agent."""
    config = layout.state / "kubelet.json"
    argv = (
        "kubelet",
        f"--config={config}",
        f"--kubeconfig={kubeconfig(layout, 'kubelet')}",
        f"--root-dir={layout.state / 'kubelet'}",
        f"--cert-dir={layout.state / 'kubelet' / 'pki'}",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_IP}",
    )
    return Program("kubelet", argv, {config: json.dumps(kubelet_config(layout), indent=1)})


def kubelet_config(layout: Layout) -> dict[str, Any]:
    """KubeletConfiguration; what is left out has its default."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_IP,
        "healthzPort": 0,
        "authentication": {"x509": {"clientCAFile": str(layout.pki / "ca.crt")}},
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "failSwapOn": False,
        "failCgroupV1": False,  # many containers and small VMs still have v1
        "clusterDomain": "cluster.local",
        "clusterDNS": [NODE_IP],
        "resolvConf": "",  # pods ask our CoreDNS alone, never the machine's resolver
        "podLogsDir": str(layout.state / "pod-logs"),
        "volumePluginDir": str(layout.state / "volume-plugins"),
        "oomScoreAdj": 0,  # its default, -999, needs CAP_SYS_RESOURCE
        "maxPods": 250,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "registryPullQPS": 0,
        # The defaults are percentages of a disk that others share, and the node would taint itself.
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "2Gi",
            "imagefs.available": "2Gi",
            "nodefs.inodesFree": "1000",
        },
        "imageGCHighThresholdPercent": 100,  # there is no registry to pull a collected image from again
        "systemReserved": {
            "memory": "1Gi"
        },  # the control plane's own 700 MB are outside of any pod
    }


def kube_proxy(layout: Layout) -> Program:
    """Services."""
    config = layout.state / "kube-proxy.json"
    settings = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig(layout, "kube-proxy"))},
        "hostnameOverride": NODE,
        "bindAddress": NODE_IP,
        "mode": "iptables",
        "clusterCIDR": POD_CIDR,
        "healthzBindAddress": "",
        "metricsBindAddress": "",
        "oomScoreAdj": 0,
        # nf_conntrack_max cannot be raised from inside a container, and kube-proxy would end.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "iptables": {"minSyncPeriod": "100ms"},
    }
    argv = ("kube-proxy", f"--config={config}")
    return Program("kube-proxy", argv, {config: json.dumps(settings, indent=1)})


def coredns(layout: Layout) -> Program:
    """Names of Services and pods, on the pods' gateway address. Other names do not exist in here."""
    corefile = f"""\
cluster.local in-addr.arpa {{
    bind {NODE_IP}
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig(layout, "viewer")}
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
    job = {"job_name": "pods", "file_sd_configs": [{"files": [str(layout.state / "targets.json")]}]}
    return {"global": {"scrape_interval": "5s"}, "scrape_configs": [job]}


def discovery(layout: Layout) -> Program:
    """Finds the pods that ask to be scraped. The interpreter's real path: the same in every venv of it."""
    python = os.path.realpath(sys.executable)
    return Program("discovery", (python, "-m", "devcluster.discovery", str(layout.state)))


def kubeconfig(layout: Layout, name: str) -> Path:
    """The kubeconfig of one of the programs."""
    return layout.state / f"{name}.kubeconfig"


def all_programs(layout: Layout, built: Path) -> tuple[Program, ...]:
    """In the order of starting: each may rely on those before it.

    The programs in the folder `built` are called by their paths: a new build is another command line.
    """
    ordered = (
        etcd(layout.state),
        containerd(layout),
        api_server(layout.pki, NODE_IP, API_PORT),
        controller_manager(layout),
        scheduler(layout),
        kubelet(layout),
        kube_proxy(layout),
        coredns(layout),
        prometheus(layout),
        discovery(layout),
    )
    return tuple(from_build(p, built) if p.name not in NOT_BUILT else p for p in ordered)


def from_build(program: Program, built: Path) -> Program:
    """The same, called by its path in the folder `built`."""
    return replace(program, argv=(str(built / program.argv[0]), *program.argv[1:]))
