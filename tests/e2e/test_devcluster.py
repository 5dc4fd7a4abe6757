"""`down` leaves nothing and `up` repairs. Kills this machine's cluster, so only when asked."""

import os
import signal
import subprocess
import sys
import time

import pytest

from devcluster import cluster, processes, teardown

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        os.environ.get("OREMILL_TEST_DOWN") != "1",
        reason="takes this machine's dev cluster down: set OREMILL_TEST_DOWN=1",
    ),
]
VICTIMS = ("etcd", "containerd", "kube-apiserver", "kubelet", "kube-proxy", "coredns")


def _run(command: str) -> None:
    """As a user does; the programs are to outlive the command that starts them."""
    subprocess.run([sys.executable, "-m", "devcluster", command], check=True)


def _kill(name: str) -> None:
    layout = cluster.here()
    for process in processes.ours(layout.state):
        if process.name == name:
            os.kill(process.pid, signal.SIGKILL)
    time.sleep(0.5)  # until the kernel has cleared its command line


@pytest.mark.parametrize("name", VICTIMS)
def test_up_repairs_a_cluster_that_has_lost_a_program(name: str) -> None:
    _run("up")
    _kill(name)
    assert cluster.missing(cluster.here())
    _run("up")
    assert not cluster.missing(cluster.here())


def test_a_second_up_changes_nothing() -> None:
    layout = cluster.here()
    _run("up")
    before = {p.pid for p in processes.ours(layout.state)}
    _run("up")
    assert {p.pid for p in processes.ours(layout.state)} == before


@pytest.mark.parametrize("victim", [None, "containerd", "kube-proxy"], ids=str)
def test_down_leaves_nothing(victim: str | None) -> None:
    layout = cluster.here()
    _run("up")
    if victim:
        _kill(victim)
    _run("down")
    assert teardown.leftovers(layout) == []
    assert not any(path.exists() for path in teardown.OUTSIDE)
    _run("down")  # and a second time, when there is nothing to take down


def test_a_cluster_of_an_earlier_boot_is_begun_anew() -> None:
    layout = cluster.here()
    _run("up")
    (layout.state / "boot").write_text("an earlier one")
    _kill("etcd")
    _run("up")
    assert not cluster.missing(layout)
