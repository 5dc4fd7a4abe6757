"""The judge against a real runner: honest code, and trouble that is not the candidate's."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from oremill.specs.common import Sandbox as SandboxSpec
from pipeline_steps.errors import Resumable
from pipeline_steps.evaluate import steplang
from pipeline_steps.evaluate.client import Sandbox
from pipeline_steps.evaluate.comparison import Tolerance
from pipeline_steps.evaluate.humaneval import HumanEval
from pipeline_steps.evaluate.judge import MAX_CODE, Judge, Limits, Submission, Verdict, limits_of
from tests import sandbox_server
from tests.sandbox_server import SandboxServer

LIMITS = Limits(wall_seconds=2.0, memory_bytes=128 * 2**20, output_bytes=20_000)
ADD = Submission("def add(a, b): return a + b", "add", [{"args": [1, 2], "expected": 3}])


@pytest.fixture(scope="module")
def judge(sandbox: SandboxServer) -> Iterator[Judge]:
    made = Judge(sandbox.url, sandbox.token, LIMITS, threads=4)
    yield made
    made.close()


def test_many_answers_keep_their_order(judge: Judge) -> None:
    problems = steplang.problems(0, 60, "train")
    work = [
        Submission(item["solution"] if i % 2 else "", "f", item["tests"])
        for i, item in enumerate(problems)
    ]
    done: list[None] = []
    found = judge.many(work, on_done=lambda: done.append(None))
    assert [one.verdict is Verdict.PASS for one in found] == [i % 2 == 1 for i in range(60)]
    assert len(done) == 60


def test_a_failure_is_told_in_words_to_learn_from(judge: Judge) -> None:
    found = judge.functional("def add(a, b): return a - b", "add", ADD.tests)
    assert (found.verdict, found.passed, found.total) == ("WRONG_ANSWER", 0, 1)
    assert found.detail == "add(1, 2) returned -1, expected 3"


def test_floats_are_exact_unless_a_task_says_otherwise(judge: Judge) -> None:
    tests = [{"args": [0.1, 0.2], "expected": 0.3}]
    assert judge.functional(ADD.code, "add", tests).verdict is Verdict.WRONG_ANSWER
    close = judge.functional(ADD.code, "add", tests, Tolerance(absolute=1e-9))
    assert close.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def add(a, b) return a", "COMPILE_ERROR"),
        ("\0", "COMPILE_ERROR"),
        ("x = " + "(" * 5000, "COMPILE_ERROR"),
        ("x" * (2**20 + 1), "COMPILE_ERROR"),
        ("\N{GRINNING FACE}" * 800_000, "COMPILE_ERROR"),
        ("\ud800", "COMPILE_ERROR"),
        ("", "RUNTIME_ERROR"),
        ("def other(): pass", "RUNTIME_ERROR"),
        ("add = 3", "RUNTIME_ERROR"),
        ("import missing_module", "RUNTIME_ERROR"),
        ("def add(a): return a", "RUNTIME_ERROR"),
    ],
    ids=[
        "syntax", "nul", "nesting", "too-long", "too-many-bytes", "surrogate", "empty",
        "no-function", "no-callable", "no-module", "arguments",
    ],
)  # fmt: skip
def test_code_that_cannot_run_gets_its_verdict(judge: Judge, code: str, verdict: str) -> None:
    assert judge.functional(code, "add", ADD.tests).verdict == verdict


def test_no_tests_is_no_pass(judge: Judge) -> None:
    with pytest.raises(ValueError, match="at least one test"):
        judge.functional(ADD.code, "add", [])


def test_a_wrong_token_is_our_trouble(sandbox: SandboxServer) -> None:
    judge = Judge(sandbox.url, "wrong", LIMITS, threads=1)
    found = judge.functional(*ADD)
    assert found.verdict is Verdict.JUDGE_ERROR
    assert "401" in found.detail
    judge.close()


def test_the_longest_answer_is_sent_whatever_it_is_made_of(judge: Judge) -> None:
    """A control character takes six bytes of JSON."""
    tests = [{"args": ["x" * 2**20], "expected": None}]
    found = judge.functional("\1" * MAX_CODE, "add", tests)
    assert (found.verdict, found.detail[:11]) == (Verdict.COMPILE_ERROR, "SyntaxError")


def test_arguments_that_no_runner_takes_are_no_judge_error(judge: Judge) -> None:
    found = judge.functional(ADD.code, "add", [{"args": ["x" * 9 * 2**20, 1], "expected": 3}])
    assert found.verdict is Verdict.COMPILE_ERROR
    assert "at most 8388608 bytes" in found.detail


def test_a_candidate_that_loses_its_worker_every_time_is_to_blame() -> None:
    with answering(503, {"error": "the process ended", "lost": True}) as (url, asked):
        judge = Judge(url, "x", LIMITS, threads=1)
        found = judge.functional(*ADD)
        assert (found.verdict, found.detail) == (
            Verdict.RUNTIME_ERROR,
            "the sandbox was lost 3 times: the process ended",
        )
        assert len(asked) == 3
        assert HumanEval(1).judge(judge, HumanEval(1).problems[0], "").verdict == "RUNTIME_ERROR"
        judge.close()


def test_no_runner_is_our_trouble_and_is_waited_for() -> None:
    judge = Judge(f"http://127.0.0.1:{free_port()}", "x", LIMITS, threads=1)
    judge.sandbox = Sandbox(f"http://127.0.0.1:{free_port()}", "x", LIMITS, patience=0.3)
    begun = time.monotonic()
    assert judge.functional(*ADD).verdict is Verdict.JUDGE_ERROR
    assert time.monotonic() - begun > 0.1
    with pytest.raises(Resumable) as caught:
        judge.sandbox.wait_until_ready(0.3)
    assert caught.value.reason == "SandboxesNotReady"
    judge.close()


def test_a_runner_that_goes_and_comes_back_loses_no_answer(tmp_path: Path) -> None:
    """A front that drops half of the connections stands for pods that are killed."""
    (tmp_path / "runner").mkdir()
    with sandbox_server.running(tmp_path / "runner") as server, flaky_front(server) as url:
        judge = Judge(url, server.token, LIMITS, threads=4)
        found = judge.many([ADD] * 40)
        assert {one.verdict for one in found} == {Verdict.PASS}
        judge.close()


def test_limits_come_from_the_spec() -> None:
    spec = SandboxSpec(timeout_seconds=3, memory="1Gi", max_output_bytes=2048)
    assert limits_of(spec) == Limits(3.0, 2**30, 2048)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def answering(status: int, body: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Give every POST the same answer; give the address, and the paths that were asked."""
    asked: list[str] = []

    class Front(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Front) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


class flaky_front:
    """Pass requests on to a runner, but cut every other one short or answer 503."""

    def __init__(self, server: SandboxServer) -> None:
        client = Sandbox(server.url, server.token, LIMITS)
        count = iter(range(10**6))

        class Front(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                turn = next(count) % 4
                if turn == 0:
                    self.close_connection = True
                    return
                report = client.run(body["code"], body["entry_point"], body["calls"])
                data = json.dumps(report if turn != 1 else {"error": "busy"}).encode()
                self.send_response(503 if turn == 1 else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self._client = client
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
        self._server.daemon_threads = True

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()
