"""What runs and with which configuration: pure, from a layout to command lines and files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from devcluster.layout import API_PORT, NODE_IP, Layout
from devcluster.programs import addons, control_plane, node
from devcluster.programs.program import Program

NOT_BUILT = frozenset({"containerd", "etcd", "prometheus", "discovery"})  # Debian's, and our own


def all_programs(layout: Layout, built: Path) -> tuple[Program, ...]:
    """In the order of starting: each may rely on those before it.

    What we built is called by its path in the folder `built`: a new build is another command line.
    """
    ordered = (
        control_plane.etcd(layout.state),
        node.containerd(layout),
        control_plane.api_server(layout.pki, NODE_IP, API_PORT),
        control_plane.controller_manager(layout),
        control_plane.scheduler(layout),
        node.kubelet(layout),
        node.kube_proxy(layout),
        addons.coredns(layout),
        addons.prometheus(layout),
        addons.discovery(layout),
    )
    return tuple(from_build(p, built) if p.name not in NOT_BUILT else p for p in ordered)


def from_build(program: Program, built: Path) -> Program:
    """The same, called by its path in the folder `built`."""
    return replace(program, argv=(str(built / program.argv[0]), *program.argv[1:]))
