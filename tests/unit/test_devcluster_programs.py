"""The dev cluster's command lines and configuration files."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from devcluster import discovery, programs, tools
from devcluster.layout import NODE_IP, Layout
from devcluster.processes import PROGRAMS, Process
from devcluster.programs import node
from devcluster.programs.program import Program

LAYOUT = Layout(Path("/cache"))
BUILT = Path("/cache/bin/1")
ALL = programs.all_programs(LAYOUT, BUILT)


@pytest.mark.parametrize("program", ALL, ids=lambda p: p.name)
def test_every_program_can_be_found_again_by_its_command_line(program: Program) -> None:
    """`down` ends what it finds: a program that it does not know would stay for ever."""
    process = Process(1, program.argv)
    assert process.name == program.name
    assert process.name in PROGRAMS
    assert process.belongs_to(LAYOUT.state)
    assert not process.belongs_to(Path("/cache/clust"))
    assert not process.belongs_to(Path("/other/cluster"))


@pytest.mark.parametrize("program", ALL, ids=lambda p: p.name)
def test_every_file_of_a_program_lies_where_down_removes_it(program: Program) -> None:
    for path in (*program.files, *program.in_the_way):
        assert path.is_relative_to(LAYOUT.state)


def test_what_we_build_is_called_by_its_path_so_that_a_new_build_restarts_it() -> None:
    ours = {p.name: p.argv[0] for p in ALL if p.name not in programs.NOT_BUILT}
    assert ours == {name: str(BUILT / name) for name in ours}
    assert set(ours) <= {n for tool in tools.TOOLS for n in (tool.name, *tool.links)}


def test_a_shim_belongs_to_the_cluster_whose_containerd_started_it() -> None:
    argv = ("/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-address")
    assert Process(1, (*argv, "/cache/cluster/containerd.sock")).belongs_to(LAYOUT.state)
    assert not Process(1, (*argv, "/run/containerd/containerd.sock")).belongs_to(LAYOUT.state)


def test_someone_who_reads_our_files_is_not_taken_for_the_cluster() -> None:
    assert not Process(1, ("tail", "-f", "/cache/cluster/kubelet.json")).belongs_to(LAYOUT.state)
    assert not Process(1, ("etcd", "--data-dir=/srv/etcd")).belongs_to(LAYOUT.state)


def test_containerd_keeps_its_images_outside_of_the_folder_that_down_removes() -> None:
    config = tomllib.loads(node.containerd_toml(LAYOUT, LAYOUT.state / "cni"))
    assert not Path(config["root"]).is_relative_to(LAYOUT.state)
    assert Path(config["state"]).is_relative_to(LAYOUT.state)
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] and cri["netns_mounts_under_state_dir"]


def test_pods_ask_the_node_for_names_and_go_through_it() -> None:
    assert node.kubelet_config(LAYOUT)["clusterDNS"] == [NODE_IP]
    (plugin,) = json.loads(node.cni_config(LAYOUT))["plugins"]
    assert plugin["ipam"]["ranges"][0][0]["gateway"] == NODE_IP


def test_a_program_is_current_only_while_its_files_are_as_written(tmp_path: Path) -> None:
    program = Program("x", ("x",), {tmp_path / "config": "a"})
    assert not program.files_are_current()
    (tmp_path / "config").write_text("a")
    assert program.files_are_current()
    assert not replace(program, files={tmp_path / "config": "b"}).files_are_current()


def _pod(phase: str = "Running", **notes: str) -> dict[str, object]:
    annotations = {f"prometheus.io/{name}": value for name, value in notes.items()}
    meta = {"name": "p", "namespace": "n", "annotations": annotations}
    return {"metadata": meta, "status": {"phase": phase, "podIP": "10.214.0.9"}}


def test_prometheus_scrapes_a_running_pod_that_asks_for_it() -> None:
    (group,) = discovery.targets([_pod(scrape="true", port="8000", path="/m")])
    assert group["targets"] == ["10.214.0.9:8000"]
    assert group["labels"] == {"namespace": "n", "pod": "p", "__metrics_path__": "/m"}


@pytest.mark.parametrize(
    "pod",
    [
        _pod(scrape="false", port="8000"),
        _pod(scrape="true"),
        _pod("Succeeded", scrape="true", port="8000"),
        {"metadata": {"name": "p", "namespace": "n"}, "status": {"phase": "Running"}},
    ],
    ids=["says no", "no port", "finished", "no annotations"],
)
def test_prometheus_leaves_alone(pod: dict[str, object]) -> None:
    assert discovery.targets([pod]) == []
