"""The node: container runtime, pods' network, kubelet, Services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from devcluster.layout import NODE, NODE_IP, POD_CIDR, Layout
from devcluster.programs.program import Program

PAUSE_IMAGE = "oremill.dev/pause:1"
CNI_PLUGINS = "/usr/lib/cni"  # where Debian's containernetworking-plugins puts them


def containerd(layout: Layout) -> Program:
    """The container runtime; all its paths are ours, so that another one can run beside it."""
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
# Without CAP_SYS_RESOURCE, runc dies otherwise: "can't get final child's PID from pipe".
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

    A bridge would carry a Service's answers from pod to pod below iptables, unless the kernel has
    br_netfilter; a route leads them through it always.
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
        f"--kubeconfig={layout.kubeconfig_of('kubelet')}",
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
        "cgroupRoot": f"/{layout.cgroup}",
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
        "imageGCHighThresholdPercent": 100,  # no registry has a collected image again
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
        "clientConnection": {"kubeconfig": str(layout.kubeconfig_of("kube-proxy"))},
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
