"""Corpora made by several pods: real Ray clusters on loopback addresses, by the code of pods."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from oremill import names
from oremill.specs.artifact import Outcome
from pipeline_steps import run
from pipeline_steps.corpus import meeting, node, probe
from pipeline_steps.errors import Resumable
from pipeline_steps.storage import Store
from tests.minio_server import MinioServer
from tests.ray_stage import TASKS
from tests.unit.test_corpus_resume import filled, made, places, start

HEAD = "127.0.0.2"  # Ray takes 127.0.0.1 for another name of the machine
STAGE = "tests.ray_stage"
PATIENCE = 300  # seconds for what takes ten on an idle machine
STRANGER = """
import sys
from ray._raylet import GcsClient
GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None)
"""


# First ports of as many as a node has. Each is given once: a head whose node had its port, too,
# would not start.
FIRSTS = range(10_000, 32_000, names.PORTS_RAY)
GIVEN = iter(random.sample(FIRSTS, len(FIRSTS)))


def free_ports() -> int:
    """Return the first of a node's ports; nodes on one machine need their own."""
    while True:
        first = next(GIVEN)
        with socket.socket() as one, socket.socket() as other, suppress(OSError):
            one.bind(("", first))
            other.bind(("", first + 1))
            return first


@dataclass
class Job:
    """The pods of a job, each a process with a scratch folder and ports of its own."""

    minio: MinioServer
    name: str
    folder: Path  # with a short name: Ray's sockets lie below it
    port: int = field(default_factory=free_ports)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def pod(
        self, index: int, *module: str, of: int = 2, spec: dict[str, Any] | None = None, **more: str
    ) -> subprocess.Popen[bytes]:
        """Start the pod of an index."""
        at = places(self.minio, self.folder / str(index), self.name, **(spec or {}))
        meeting = {
            "PET_NNODES": str(of),
            "PET_NODE_RANK": str(index),
            "PET_MASTER_ADDR": HEAD,
            "PET_MASTER_PORT": str(self.port),
            "OREMILL_RAY_PORT": str(free_ports()),
            names.ENV_CPUS: "1",
        }
        process = start(at, *module, log=self.folder / f"{index}.log", **(meeting | more))
        self.started.append(process)
        return process

    def outcome(self, index: int) -> Outcome:
        """Return what a pod told at its end."""
        return Outcome.model_validate_json((self.folder / str(index) / "outcome.json").read_text())

    def parts(self) -> list[str]:
        """Return the keys of what the passes made and was not yet published."""
        store = self.minio.store("corpus-resume")
        return [item.key for item in store.list(f"n/corpus/{self.name}/work/")]


@contextmanager
def job(minio: MinioServer, name: str) -> Iterator[Job]:
    """A job, whose pods are gone after the block."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        found = Job(minio, name, Path(folder))
        try:
            yield found
        finally:
            for path in sorted(found.folder.glob("*.log")):
                print(path, path.read_text()[-6000:])  # shown of a test that fails
            for process in found.started:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait(happened: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def inputs(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return filled(minio, tmp_path_factory.mktemp("archives"))


def stranger(address: str, **token: str) -> str:
    """Return what a client without the job's token is told."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [sys.executable, "-c", STRANGER, address]
    told = subprocess.run(command, env=env | token, capture_output=True, text=True, check=False)
    assert told.returncode != 0
    return told.stderr


def test_an_attempt_has_a_token_that_tells_nothing_and_no_other_has(
    minio: MinioServer, inputs: Store, tmp_path: Path
) -> None:
    step = run.load(places(minio, tmp_path, "token"))
    own, attempt = node.token(step), step.order.model_copy(update={"attempt": 1})
    assert node.token(run.load(step.places)) == own
    assert node.token(replace(step, order=attempt)) != own
    (tmp_path / "secretKey").write_text("another")
    assert node.token(replace(step, places=replace(step.places, secret=tmp_path))) != own
    assert (minio.secret / "secretKey").read_text() not in own


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({}, ""),
        ({"code": "0"}, "has other code (0) than this pod"),
        ({"lacks": ["/a", "/b"]}, "lacks /a, /b"),
        ({"refused": "No module named 'oremill'"}, "cannot run this code: No module named"),
    ],
    ids=["well", "another release", "without files", "another image"],
)
def test_a_node_is_refused_for_what_it_says(said: dict[str, Any], fault: str) -> None:
    found = probe.Answer("10.0.0.1", **({"code": probe.code()} | said)).fault
    assert found.startswith(fault) and bool(found) is bool(fault)


def test_a_head_that_does_not_answer_is_named() -> None:
    with pytest.raises(Resumable, match=r"the head did not answer on 127.0.0.1:1 within 0 s: "):
        meeting.met("127.0.0.1", 1, 0, "the head")


def test_a_scratch_folder_that_is_too_long_for_sockets_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(node.NotStarted, match="is too long"),
        node.running(tmp_path / ("x" * 60), 1),
    ):
        pass


def test_two_pods_that_are_preempted_once_make_the_bytes_of_one(
    minio: MinioServer, inputs: Store, tmp_path: Path
) -> None:
    with job(minio, "two-pods") as two:
        pods = [two.pod(index) for index in (0, 1)]
        wait(two.parts)
        pods[0].send_signal(signal.SIGTERM)
        assert [pod.wait(PATIENCE) for pod in pods] == [names.EXIT_RESUMABLE, names.EXIT_DONE]
        assert two.parts()

        two.port = free_ports()  # new pods have a network of their own; here the first head lingers
        pods = [two.pod(index) for index in (0, 1)]
        assert [pod.wait(PATIENCE) for pod in pods] == [names.EXIT_DONE, names.EXIT_DONE]
        manifest = inputs.manifest(f"n/corpus/two-pods/{two.outcome(0).digest}")
        for index in (0, 1):
            assert list((two.folder / str(index) / "scratch" / "work").rglob("*.parquet"))
    assert manifest is not None
    assert manifest.files == made(places(minio, tmp_path, "one-pod"))
    assert not (tmp_path / "scratch" / "ray").exists()


def test_a_head_without_all_its_pods_says_how_many_came_and_gives_up(
    minio: MinioServer, inputs: Store
) -> None:
    with job(minio, "too-few") as three:
        other = three.pod(1, STAGE, "0", of=3)
        head = three.pod(0, STAGE, "0", of=3, TEST_PATIENCE="20")
        assert head.wait(PATIENCE) == names.EXIT_RESUMABLE
        assert "2 of 3 pods (spec.workers.replicas)" in three.outcome(0).message
        assert other.wait(PATIENCE) == names.EXIT_DONE, "only the head's end may be told"


def test_a_pod_that_dies_keeps_nobody_waiting_and_strangers_are_refused(
    minio: MinioServer, inputs: Store
) -> None:
    with job(minio, "dies") as two:
        pods = [two.pod(index, STAGE, "3") for index in (0, 1)]
        wait(lambda: meeting.Head(HEAD, two.port, HEAD).answers())
        for token in ({"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_TOKEN": "0" * 64}):
            told = stranger(f"{HEAD}:{two.port}", **{"RAY_AUTH_MODE": "token", **token})
            assert "InvalidAuthToken" in told
        wait(two.parts)
        os.killpg(pods[1].pid, signal.SIGKILL)
        assert pods[0].wait(PATIENCE) == 1
        assert "a node of the Ray cluster was lost; 2 had joined" in two.outcome(0).message


def cluster(of: Job) -> dict[str, Any]:
    """Start a Ray cluster of one node as its owner would, and return what a spec says of it."""
    port, first, folder = free_ports(), free_ports(), of.folder / "node"
    folder.mkdir()
    (of.folder / "token").write_text("1" * 64)
    options = {
        "node-ip-address": "127.0.0.3",
        "port": port,
        "num-cpus": 1,
        "temp-dir": folder,
        "plasma-directory": folder,
        "object-store-memory": node.OBJECT_STORE,
        "min-worker-port": first,
        "max-worker-port": first + 99,
        "include-dashboard": False,
    }
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    variables = {
        "OREMILL_STORAGE_SECRET": of.minio.secret,
        "OREMILL_STORAGE_CA": folder / "no-ca",
        "OREMILL_SCRATCH": folder,
        "RAY_AUTH_TOKEN": "1" * 64,
    }
    log = of.folder / "node.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env=os.environ
            | node.SWITCHES
            | {name: str(value) for name, value in variables.items()},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    of.started.append(process)
    wait(lambda: node.STARTED in log.read_text())
    return {"ray": {"address": f"127.0.0.3:{port}", "tokenRef": {"name": "ray"}}}


def test_the_nodes_of_a_cluster_that_is_there_do_the_work(
    minio: MinioServer, inputs: Store
) -> None:
    with job(minio, "foreign") as one:
        spec, token = cluster(one), {"OREMILL_RAY_TOKEN": str(one.folder / "token")}
        pod = one.pod(0, STAGE, "0", of=1, spec=spec, **token)
        assert pod.wait(PATIENCE) == names.EXIT_DONE
        store = one.minio.store("corpus-resume")
        done = [json.loads(store.read(key))[0] for key in one.parts() if "work/marks/" in key]
        assert done == [str(one.folder / "node")] * TASKS
        assert not list((one.folder / "node" / "work").iterdir()), "a node keeps no text"

        authority = one.folder / "0" / "no-ca"
        authority.touch()  # and the node has none
        pod = one.pod(0, STAGE, "0", of=1, spec=spec | {"seed": 1}, **token)
        assert pod.wait(PATIENCE) == names.EXIT_USER
        assert one.outcome(0).message.startswith(
            f"spec.ray.address: the node 127.0.0.3 lacks {one.folder / 'node' / 'no-ca'}; "
        )
        authority.unlink()

        pod = one.pod(0, STAGE, "-1", of=1, spec=spec | {"seed": 2}, **token)
        assert pod.wait(PATIENCE) == 1
        assert "a process of a node was killed" in one.outcome(0).message
        assert len(list((one.folder / "node").glob("killed-*"))) == 1, "not tried again"
