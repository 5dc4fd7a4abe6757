"""The judge: holds the expected values, has candidates run elsewhere, and compares.

It runs in the pod of the job, a sandbox in another. Only arguments go out, only plain values come
back, and the verdict is made here. Whatever a candidate does, it cannot earn a JUDGE_ERROR, which
would take it out of the count: that is for trouble of our own, after it was tried again. A sandbox
that is lost each time that it runs the same candidate is that candidate's doing.

    judge = Judge(url, token, limits_of(spec.sandbox))
    judge.functional(code, "f", [{"args": [1, 2], "expected": 3}]).verdict
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from oremill import quantity
from oremill.specs.common import Sandbox as SandboxSpec
from pipeline_steps.evaluate.client import Sandbox, SandboxError, TooLong, WorkerLost
from pipeline_steps.evaluate.comparison import EXACT, Tolerance, same
from pipeline_steps.evaluate.verdicts import Judgement, Verdict
from pipeline_steps.sandbox.wire import Limits, decode, encode

__all__ = ["Judge", "Judgement", "Limits", "Submission", "Verdict", "limits_of"]

VERSION = 2  # raised when the same answer may get another verdict
MAX_CODE = 2**20  # bytes of an answer in UTF-8; longer ones are not even compiled
SHOWN = 200  # characters of a value in a judgement's detail

Item = TypeVar("Item")
Test = dict[str, Any]  # {"args": [...], "expected": ...}


class Submission(NamedTuple):
    """An answer, the function that it must define, and the tests of that function."""

    code: str
    entry_point: str
    tests: Sequence[Test]


def limits_of(sandbox: SandboxSpec) -> Limits:
    """Return the limits of one execution that a spec asks for."""
    memory = int(quantity.value(sandbox.memory))
    return Limits(sandbox.timeout_seconds, memory, sandbox.max_output_bytes)


class Judge:
    """Judges answers with the sandboxes at a URL."""

    def __init__(self, url: str, token: str, limits: Limits, threads: int = 8) -> None:
        """Judge up to `threads` answers side by side: twice the sandboxes' workers is plenty."""
        self.sandbox = Sandbox(url, token, limits)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="judge")

    def wait_until_ready(self) -> dict[str, Any]:
        """Wait for the sandbox pods; return what they say of their walls.

        Raises:
            Resumable: none was up in five minutes.
        """
        return self.sandbox.wait_until_ready()

    def functional(
        self, code: str, entry_point: str, tests: Sequence[Test], tolerance: Tolerance = EXACT
    ) -> Judgement:
        """Call a function with the arguments of each test and compare what it returns.

        Raises:
            ValueError: there are no tests; nothing passes 0 of 0.
        """
        if not tests:
            raise ValueError("a submission needs at least one test")
        if is_too_long(code):
            return too_long(len(tests))
        calls = [[encode(argument) for argument in test["args"]] for test in tests]
        try:
            report = self.sandbox.run(code, entry_point, calls)
        except SandboxError as error:
            return unanswered(error, len(tests))
        return judged(report, entry_point, tests, tolerance)

    def many(
        self, submissions: Sequence[Submission], on_done: Callable[[], None] = lambda: None
    ) -> list[Judgement]:
        """Judge submissions side by side; return judgements in their order."""
        return self.map(lambda one: self.functional(*one), submissions, on_done)

    def map(
        self,
        work: Callable[[Item], Judgement],
        items: Sequence[Item],
        on_done: Callable[[], None] = lambda: None,
    ) -> list[Judgement]:
        """Call `work` for each item side by side; `on_done` after each result, in order."""
        judgements = []
        for judgement in self._threads.map(work, items):
            judgements.append(judgement)
            on_done()
        return judgements

    def close(self) -> None:
        """Let the threads end, and close the connections."""
        self._threads.shutdown()
        self.sandbox.close()


def judged(
    report: dict[str, Any], entry_point: str, tests: Sequence[Test], tolerance: Tolerance
) -> Judgement:
    """Return the verdict on a runner's report: that of the first test that was not passed."""
    passed, first = 0, None
    for test, result in zip(tests, report["results"], strict=False):
        failure = _failure(result, entry_point, test, tolerance)
        passed += failure is None
        first = first or failure
    if first is None and report["outcome"] != "OK":
        first = Verdict(report["outcome"]), str(report["detail"])
    if first is None and passed == len(tests):
        return Judgement(Verdict.PASS, passed, len(tests))
    verdict, detail = first or (Verdict.JUDGE_ERROR, "the runner answered too few calls")
    return Judgement(verdict, passed, len(tests), detail)


def _failure(
    result: dict[str, Any], entry_point: str, test: Test, tolerance: Tolerance
) -> tuple[Verdict, str] | None:
    call = f"{entry_point}({', '.join(map(shown, test['args']))})"
    verdict, value = outcome_of(result)
    if verdict is not None:
        return verdict, f"{call}: {value}"
    if same(value, test["expected"], tolerance):
        return None
    return (
        Verdict.WRONG_ANSWER,
        f"{call} returned {shown(value)}, expected {shown(test['expected'])}",
    )


def outcome_of(result: dict[str, Any]) -> tuple[Verdict | None, Any]:
    """Return a call's value, or the verdict that its failure earns and the reason."""
    if "error" in result:
        error = str(result["error"])
        ran_out = error.startswith("MemoryError")
        return (Verdict.MEMORY_LIMIT if ran_out else Verdict.RUNTIME_ERROR), error
    try:
        return None, decode(result["value"])
    except (KeyError, ValueError, RecursionError):
        kept = json.dumps(result.get("unrepresentable", "a malformed value"))
        return Verdict.PROTOCOL_VIOLATION, f"not a plain value: {kept}"


def is_too_long(code: str) -> bool:
    """Say whether an answer is not even sent: in JSON it takes at most six times its UTF-8."""
    return len(code) > MAX_CODE or len(code.encode("utf-8", "surrogatepass")) > MAX_CODE


def too_long(total: int) -> Judgement:
    """Return the judgement on an answer that is not even sent."""
    return Judgement(Verdict.COMPILE_ERROR, 0, total, f"more than {MAX_CODE} bytes")


def unanswered(error: SandboxError, total: int) -> Judgement:
    """Return the judgement on an answer of which the sandbox says nothing."""
    verdict = Verdict.JUDGE_ERROR
    if isinstance(error, TooLong):
        verdict = Verdict.COMPILE_ERROR
    elif isinstance(error, WorkerLost):
        verdict = Verdict.RUNTIME_ERROR
    return Judgement(verdict, 0, total, str(error))


def shown(value: Any) -> str:
    """Return a value as people read it, cut short."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python prints
        text = "a very long integer"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
