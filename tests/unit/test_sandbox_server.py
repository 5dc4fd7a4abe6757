"""The runner's API, its sessions and its workers, as a judge and a stranger meet them."""

import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pipeline_steps.evaluate.client import Sandbox, SandboxError, TooLong
from pipeline_steps.sandbox.family import descendants
from pipeline_steps.sandbox.wire import Limits
from tests import sandbox_server
from tests.sandbox_server import SandboxServer

LIMITS = Limits(wall_seconds=1.0, memory_bytes=128 * 2**20, output_bytes=20_000)
GIVEN = {"wall_seconds": 1, "memory_bytes": 2**27, "output_bytes": 10_000}
RUN = {"code": "def f(x): return x", "entry_point": "f", "calls": [[1]], "limits": GIVEN}


def ask(
    server: SandboxServer, path: str, body: Any = None, token: str | None = None
) -> tuple[int, Any]:
    request = urllib.request.Request(
        server.url + path,
        data=None
        if body is None
        else body
        if isinstance(body, bytes)
        else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server.token if token is None else token}"},
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_health_needs_no_token_and_says_which_walls_hold(sandbox: SandboxServer) -> None:
    status, health = ask(sandbox, "/healthz", token="")
    assert status == 200
    assert health["isolation"]["walls"] == dict.fromkeys(
        ("network", "processes", "signals", "files"), True
    )


@pytest.mark.parametrize("token", ["", "wrong", "tökén"], ids=["none", "wrong", "not-ascii"])
def test_without_the_token_nothing_runs(sandbox: SandboxServer, token: str) -> None:
    assert ask(sandbox, "/v1/run", RUN, token.encode().decode("latin-1"))[0] == 401


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"code": 1}, "code must be a str"),
        ({"calls": [1]}, "calls must be a list of lists"),
        ({"limits": {}}, "limits must have"),
        (
            {"limits": GIVEN | {"wall_seconds": 10_000}},
            "wall_seconds must be above 0 and at most 600",
        ),
        ({"limits": GIVEN | {"wall_seconds": "nan"}}, "wall_seconds"),
        ({"limits": GIVEN | {"memory_bytes": 0}}, "memory_bytes"),
    ],
    ids=["code", "calls", "limits", "long", "nan", "memory"],
)
def test_a_wrong_request_is_refused_by_the_field(
    sandbox: SandboxServer, change: dict[str, Any], says: str
) -> None:
    status, answer = ask(sandbox, "/v1/run", RUN | change)
    assert status == 400
    assert says in answer["error"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000], ids=["cut", "list", "deep"])
def test_what_is_no_json_object_is_refused(sandbox: SandboxServer, body: bytes) -> None:
    assert ask(sandbox, "/v1/run", body)[0] == 400


def heard(server: SandboxServer, *headers: str) -> int:
    """Send headers and no body; return the status, once the runner has hung up."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as line:
        line.sendall("\r\n".join(["POST /v1/run HTTP/1.1", *headers, "", ""]).encode())
        said = b""
        while data := line.recv(65536):
            said += data
        return int(said.split()[1])


LENGTHS = {
    "negative": ["Content-Length: -1"],
    "no-number": ["Content-Length: many"],
    "other-digits": ["Content-Length: \u0662"],
    "endless": [f"Content-Length: {'9' * 5000}"],
    "two": ["Content-Length: 2", "Content-Length: 3"],
    "chunked": ["Transfer-Encoding: chunked"],
}


@pytest.mark.parametrize("headers", LENGTHS.values(), ids=LENGTHS.keys())
def test_a_body_whose_end_is_unknown_is_refused_unread(
    sandbox: SandboxServer, headers: list[str]
) -> None:
    assert heard(sandbox, f"Authorization: Bearer {sandbox.token}", *headers) == 400


@pytest.mark.parametrize(
    "headers", [*LENGTHS.values(), [f"Content-Length: {2**33}"]], ids=[*LENGTHS.keys(), "huge"]
)
def test_a_stranger_is_refused_before_his_body_is_read(
    sandbox: SandboxServer, headers: list[str]
) -> None:
    assert heard(sandbox, *headers) == 401


def test_a_request_too_long_is_told_so_however_fast_it_is_sent(sandbox: SandboxServer) -> None:
    client = Sandbox(sandbox.url, sandbox.token, LIMITS)
    with pytest.raises(TooLong, match="at most 8388608 bytes"):
        client.run("x" * 12 * 2**20, "f", [])
    assert client.run("def f(x): return x", "f", [[1]])["outcome"] == "OK"
    client.close()


def test_a_jail_that_fails_is_told_as_trouble_and_the_next_request_is_served(
    sandbox: SandboxServer,
) -> None:
    impossible = GIVEN | {"memory_bytes": 2**70}
    for path, body in (("/v1/run", RUN), ("/v1/sessions", {"code": ""})):
        status, answer = ask(sandbox, path, body | {"limits": impossible})
        assert (status, "lost" in answer) == (503, False)
        assert "the jail did not go up" in answer["error"]
        assert ask(sandbox, "/v1/run", RUN)[0] == 200


def test_unknown_paths_and_sessions_are_not_found(sandbox: SandboxServer) -> None:
    assert ask(sandbox, "/v1/nothing", {})[0] == 404
    assert ask(sandbox, "/v1/sessions/x/call", {"entry_point": "f", "args": []})[0] == 404


def test_a_run_says_what_was_printed_and_how_long_it_took(sandbox: SandboxServer) -> None:
    report = ask(sandbox, "/v1/run", RUN | {"code": "def f(x):\n    print('hi')\n    return (x,)"})[
        1
    ]
    assert report["outcome"] == "OK"
    assert report["results"] == [{"value": {"tuple": [1]}}]
    assert report["output"] == "hi\n"
    assert 0 < report["seconds"] < 1


def test_a_session_keeps_its_state_and_ends(sandbox: SandboxServer) -> None:
    client = Sandbox(sandbox.url, sandbox.token, LIMITS)
    code = "seen = []\ndef f(x):\n    seen.append(x)\n    return list(seen)"
    with client.session(code) as session:
        assert session.call("f", [1])["results"] == [{"value": [1]}]
        assert session.call("f", [2])["results"] == [{"value": [1, 2]}]
    with pytest.raises(SandboxError, match="404"):
        session.call("f", [3])
    client.close()


def test_a_session_that_is_stopped_stays_stopped(sandbox: SandboxServer) -> None:
    client = Sandbox(sandbox.url, sandbox.token, LIMITS)
    with client.session("def f(x):\n    while x: pass\n    return x") as session:
        assert session.call("f", [0])["outcome"] == "OK"
        assert session.call("f", [1])["outcome"] == "TIME_LIMIT"
        again = session.call("f", [0])
        assert (again["outcome"], again["results"]) == ("TIME_LIMIT", [])
    client.close()


def test_a_session_is_limited_by_the_candidates_time_not_the_judges(sandbox: SandboxServer) -> None:
    client = Sandbox(sandbox.url, sandbox.token, LIMITS)
    with client.session("def f(x): return x") as session:
        time.sleep(1.2)
        assert session.call("f", [1])["outcome"] == "OK"
    client.close()


def test_an_idle_session_is_watched(sandbox: SandboxServer) -> None:
    code = """
import threading, time
kept = []
def grow():
    time.sleep(0.2)
    while True: kept.append(b"x" * 2**20)
threading.Thread(target=grow, daemon=True).start()
def f(x): return x
"""
    client = Sandbox(sandbox.url, sandbox.token, LIMITS)
    with client.session(code) as session:
        time.sleep(1)
        assert session.call("f", [1])["outcome"] in ("MEMORY_LIMIT", "RUNTIME_ERROR", "OK")
    assert client.run("def f(x): return x", "f", [[1]])["outcome"] == "OK"
    client.close()


def test_a_lost_worker_is_replaced_and_the_request_carried_out(tmp_path: Path) -> None:
    with sandbox_server.running(tmp_path, workers=1) as server:
        client = Sandbox(server.url, server.token, LIMITS)
        assert client.run("def f(x): return x", "f", [[1]])["outcome"] == "OK"
        worker, _ = descendants(server.pid)  # its zygote comes after it
        os.kill(worker, signal.SIGKILL)
        assert client.run("def f(x): return x", "f", [[1]])["outcome"] == "OK"
        client.close()


def test_a_worker_without_its_zygote_is_replaced(tmp_path: Path) -> None:
    with sandbox_server.running(tmp_path, workers=1) as server:
        client = Sandbox(server.url, server.token, LIMITS)
        _, zygote = descendants(server.pid)
        os.kill(zygote, signal.SIGKILL)
        assert client.run("def f(x): return x", "f", [[1]])["outcome"] == "OK"
        client.close()


def test_a_full_pool_makes_others_wait(tmp_path: Path) -> None:
    with sandbox_server.running(tmp_path, workers=1) as server:
        client = Sandbox(server.url, server.token, LIMITS)
        done: list[str] = []

        def one() -> None:
            code = "import time\ndef f(x): time.sleep(0.2)"
            done.append(client.run(code, "f", [[1]])["outcome"])

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == ["OK"] * 4
        client.close()


def test_the_runner_ends_with_sigterm_and_leaves_nothing(tmp_path: Path) -> None:
    with sandbox_server.running(tmp_path) as server:
        workers = descendants(server.pid)
        assert len(workers) == 4  # each with a zygote
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert list(server.scratch.iterdir()) == []
