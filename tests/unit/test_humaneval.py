"""HumanEval through a real runner: references pass, nothing else does, and cheats stay cheats."""

from collections.abc import Iterator

import pytest

from pipeline_steps.evaluate.humaneval import HumanEval
from pipeline_steps.evaluate.judge import Judge, Limits, Verdict
from tests.sandbox_server import SandboxServer

LIMITS = Limits(wall_seconds=5.0, memory_bytes=256 * 2**20, output_bytes=2**20)


@pytest.fixture(scope="module")
def benchmark() -> Iterator[HumanEval]:
    made = HumanEval()
    yield made
    made.close()


@pytest.fixture(scope="module")
def judge(sandbox: SandboxServer) -> Iterator[Judge]:
    made = Judge(sandbox.url, sandbox.token, LIMITS, threads=4)
    yield made
    made.close()


def test_all_references_pass(benchmark: HumanEval, judge: Judge) -> None:
    found = judge.map(
        lambda item: benchmark.judge(judge, item, benchmark.gold(item)), benchmark.problems
    )
    assert len(found) == 164
    assert [one for one in found if one.verdict is not Verdict.PASS] == []


def test_no_empty_answer_passes(benchmark: HumanEval, judge: Judge) -> None:
    found = judge.map(
        lambda item: benchmark.judge(judge, item, benchmark.empty(item)), benchmark.problems
    )
    assert {one.verdict for one in found} <= {Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR}


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("    return type('Same', (), {'__eq__': lambda *a: True})()\n", "PROTOCOL_VIOLATION"),
        ("    import os\n    os._exit(0)\n", "RUNTIME_ERROR"),
        ("    raise AssertionError\n", "RUNTIME_ERROR"),
        ("    while True: pass\n", "TIME_LIMIT"),
        ("    return [0] * 10**10\n", "MEMORY_LIMIT"),
        ("    return )\n", "COMPILE_ERROR"),
        ("    return None\n", "WRONG_ANSWER"),
    ],
    ids=["equals-everything", "exits", "asserts", "loops", "bomb", "syntax", "wrong"],
)  # fmt: skip
def test_a_bad_answer_gets_its_verdict(
    benchmark: HumanEval, judge: Judge, body: str, verdict: str
) -> None:
    problem = benchmark.problems[0]
    code = benchmark.program(problem, "completion", body)
    assert benchmark.judge(judge, problem, code).verdict == verdict


def test_a_candidate_cannot_change_the_check(benchmark: HumanEval, judge: Judge) -> None:
    code = benchmark.problems[0]["prompt"] + (
        "    return None\n"
        "import builtins\n"
        "def check(candidate): pass\n"
        "builtins.AssertionError = Exception\n"
    )
    assert benchmark.judge(judge, benchmark.problems[0], code).verdict is Verdict.WRONG_ANSWER


def test_an_answer_ends_before_the_next_function(benchmark: HumanEval) -> None:
    code = benchmark.program(
        benchmark.problems[0], "completion", "    return 1\n\ndef other(): pass"
    )
    assert code == benchmark.problems[0]["prompt"] + "    return 1\n"


def test_a_chat_answer_may_repeat_the_function_or_be_its_body(
    benchmark: HumanEval, judge: Judge
) -> None:
    problem = benchmark.problems[0]
    whole = f"Sure:\n```python\n{benchmark.gold(problem)}```\nDone."
    body = f"```\n{problem['canonical_solution']}```"
    for answer in (whole, body):
        code = benchmark.program(problem, "chat", answer)
        assert benchmark.judge(judge, problem, code).verdict is Verdict.PASS
