"""Bring the cluster up, whatever was there before: a converging list of what should run.

Each program is compared with what runs: with the same command line and files it is left alone. So
a second `up` changes nothing, and one after a crash starts just what is missing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from devcluster import (
    cgroups,
    debian,
    files,
    image_store,
    network,
    pause_image,
    pki,
    probes,
    processes,
    programs,
    teardown,
    tools,
)
from devcluster.daemons import Daemons
from devcluster.layout import API_URL, NODE_IP, Layout, default_cache
from devcluster.programs.node import PAUSE_IMAGE
from devcluster.progress import call, exclusive, say, step

# The viewers' group may list what CoreDNS and Prometheus watch, and no Secret.
_VIEWERS = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "oremill-viewers"},
    "subjects": [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": pki.VIEWER.group}
    ],
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
}


def here() -> Layout:
    """The layout of this user's cache."""
    return Layout(default_cache())


def env() -> dict[str, str]:
    """What a program needs in its environment: KUBECONFIG, and PATH to the tools."""
    layout = here()
    folders = (str(tools.bin_dir(layout.cache)), os.environ.get("PATH", ""))
    return {"KUBECONFIG": str(layout.kubeconfig), "PATH": os.pathsep.join(folders)}


def load_image(archive: Path) -> list[str]:
    """Import an OCI or Docker archive; returns the names of its images."""
    return image_store.load(here(), Path(archive))


def up(layout: Layout) -> None:
    """Return when the node is Ready, Services are routed and DNS answers."""
    with exclusive(layout.lock, "a change of the cluster"):
        debian.install_missing()
        folder = tools.ensure(layout.cache)
        if not missing(layout):
            say("the dev cluster is up")
            return
        with step("start the dev cluster"):
            _converge(layout, folder)


def missing(layout: Layout) -> list[str]:
    """What this cluster lacks; an empty list means that it is up and does its work."""
    argvs = {p.argv for p in processes.ours(layout.state)}
    wanted = programs.all_programs(layout, tools.bin_dir(layout.cache))
    dead = [p.name for p in wanted if p.argv not in argvs or not p.files_are_current()]
    if dead:
        return dead
    checks = {
        "a Ready node": lambda: probes.node_ready(layout),
        "service accounts": lambda: probes.accounts_ready(layout),
        "Services": probes.services_ready,
        "DNS": probes.dns_ready,
        "Prometheus": probes.prometheus_ready,
    }
    return [what for what, check in checks.items() if not check()]


def _converge(layout: Layout, folder: Path) -> None:
    processes.require_no_other_node(layout.state)
    if not _of_this_boot(layout):
        teardown.remove(layout)
        _begin(layout)
    network.up(layout.state)
    cgroups.create(layout.cgroup)
    _write_keys(layout)
    daemons = Daemons(layout.state, layout.logs)
    running = processes.ours(layout.state)
    for program in programs.all_programs(layout, folder):
        daemons.ensure(program, running)
        _after(layout, program.name, daemons)
    daemons.wait("the cluster to work", lambda: not missing(layout), seconds=90)


def _after(layout: Layout, name: str, daemons: Daemons) -> None:
    """What the programs that come later need from this one."""
    if name == "containerd":
        daemons.wait("containerd", lambda: probes.answers(layout.containerd_socket), seconds=30)
        _load_pause(layout)
    if name == "kube-apiserver":
        daemons.wait("the API server", lambda: probes.api_ready(layout.pki, API_URL), seconds=60)
        kubectl = tools.bin_dir(layout.cache) / "kubectl"
        as_admin = f"--kubeconfig={layout.kubeconfig}"
        call([kubectl, as_admin, "apply", "--filename=-"], stdin=json.dumps(_VIEWERS))


def _of_this_boot(layout: Layout) -> bool:
    """After a reboot the mounts are gone, so the rest is worth nothing: it is begun anew."""
    boot = layout.state / "boot"
    return boot.exists() and boot.read_text() == _boot_id()


def _begin(layout: Layout) -> None:
    layout.state.mkdir(parents=True, mode=0o700)
    (layout.state / "boot").write_text(_boot_id())


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text()


def _write_keys(layout: Layout) -> None:
    """Certificates, and a kubeconfig for each client."""
    pki.ensure(layout.pki, NODE_IP)
    for client in pki.CLIENTS:
        config = pki.kubeconfig(layout.pki, API_URL, client)
        files.write(layout.kubeconfig_of(client.file), config, mode=0o600)


def _load_pause(layout: Layout) -> None:
    """The image that every pod starts from; and a clean slate before the kubelet's first look."""
    if not (layout.state / "kubelet").exists():
        image_store.forget_containers(layout)
    archive = layout.state / "pause.tar"
    pause_image.write(archive, tools.bin_dir(layout.cache) / "pause", PAUSE_IMAGE)
    image_store.load(layout, archive)
