"""Rewards come from verdicts alone, and no canary is ever paid by the real judge."""

import math
import re
from collections.abc import Iterator, Sequence

import pytest

from oremill.specs.rlef import Reward
from pipeline_steps.errors import StepFailed, UserError
from pipeline_steps.evaluate.judge import Judge, Judgement, Limits, Submission, Verdict
from pipeline_steps.rlef import problems
from pipeline_steps.rlef.rewards import CANARIES, check_canary, reward_of, self_test
from tests.sandbox_server import SandboxServer

PAID = Reward(passed=1.0, partial=0.4, invalid=-0.2)
ADD = [{"args": [a, b], "expected": a + b} for a, b in ((1, 2), (3, -5), (0, 0), (7, 7))]
SOLUTION = "def f(x, y):\n    return x + y\n"


def answer(code: str) -> Submission:
    return Submission(code, "f", ADD)


@pytest.fixture(scope="module")
def judge(sandbox: SandboxServer) -> Iterator[Judge]:
    judge = Judge(sandbox.url, sandbox.token, Limits(5.0, 256 * 2**20, 65536))
    yield judge
    judge.close()


@pytest.mark.parametrize(
    ("verdict", "passed", "expected"),
    [
        (Verdict.PASS, 4, 1.0),
        (Verdict.WRONG_ANSWER, 0, 0.0),
        (Verdict.WRONG_ANSWER, 2, 0.2),
        (Verdict.RUNTIME_ERROR, 3, 0.3),
        (Verdict.TIME_LIMIT, 0, 0.0),
        (Verdict.MEMORY_LIMIT, 1, 0.1),
        (Verdict.OUTPUT_LIMIT, 0, 0.0),
        (Verdict.PROTOCOL_VIOLATION, 0, 0.0),
        (Verdict.COMPILE_ERROR, 0, -0.2),
    ],
)
def test_a_verdict_has_its_reward(verdict: Verdict, passed: int, expected: float) -> None:
    assert reward_of(Judgement(verdict, passed, 4), PAID) == pytest.approx(expected)


def test_trouble_of_the_judge_is_no_number() -> None:
    assert math.isnan(reward_of(Judgement(Verdict.JUDGE_ERROR, 0, 4), PAID))


def test_the_real_judge_pays_the_solution_and_no_canary(judge: Judge) -> None:
    self_test(judge.many, answer, SOLUTION, PAID)
    for step in range(len(CANARIES)):
        check_canary(step, judge.many, answer, PAID)


def test_every_canary_is_a_program_that_runs(judge: Judge) -> None:
    """A canary with a slip would never be paid, and would prove nothing."""
    programs = [code.replace("ENTRY_POINT", "f") for code in CANARIES.values()]
    verdicts = [one.verdict for one in judge.many([answer(code) for code in programs])]
    assert Verdict.COMPILE_ERROR not in verdicts
    assert Verdict.JUDGE_ERROR not in verdicts


def naive(submissions: Sequence[Submission]) -> list[Judgement]:
    """A judge as many are: in the candidate's process, with `==`."""
    judgements = []
    for code, entry_point, tests in submissions:
        scope: dict[str, object] = {}
        exec(code, scope)
        expected = [test["expected"] for test in tests]
        function = scope.get(entry_point, lambda *args: None)
        right = [function(*test["args"]) == test["expected"] for test in tests]  # type: ignore[operator]
        verdict = Verdict.PASS if all(right) else Verdict.WRONG_ANSWER
        judgements.append(Judgement(verdict, sum(right), len(expected)))
    return judgements


def test_a_judge_that_can_be_fooled_fails_the_run() -> None:
    turn = sorted(CANARIES).index("equal-to-everything")
    with pytest.raises(StepFailed, match="'equal-to-everything' was judged PASS") as failed:
        check_canary(turn, naive, answer, PAID)
    assert failed.value.reason == "RewardHacked"


def test_a_problem_whose_own_solution_fails_ends_the_run(judge: Judge) -> None:
    with pytest.raises(StepFailed, match="returned -1, expected 3") as failed:
        self_test(judge.many, answer, "def f(x, y):\n    return x - y\n", PAID)
    assert failed.value.reason == "SelfTestFailed"


LINE = '{"task_id": "a", "prompt": "p", "entry_point": "f", "tests": [{"args": [], "expected": 1}]}'


def test_a_problem_is_read_with_or_without_its_solution() -> None:
    solved = LINE[:-1] + ', "solution": "s"}'
    found = problems.parsed(f"{LINE}\n\n{solved}\n".encode(), "x")
    assert [one.solution for one in found] == ["", "s"]
    assert found[0].tests == [{"args": [], "expected": 1}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "the line: Invalid JSON"),
        ("[]", "the line: Input should be an object"),
        ('{"task_id": "a"}', "prompt: Field required"),
        (LINE.replace('{"args": [], "expected": 1}', ""), "tests: List should have at least 1"),
        (LINE.replace("[]", "1"), "tests[0].args: Input should be a valid array (given: '1')"),
        (LINE.replace(', "expected": 1', ""), "tests[0].expected: Field required"),
        (LINE.replace('"p"', "3"), "prompt: Input should be a valid string"),
    ],
)
def test_a_line_that_is_no_problem_is_named(line: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"spec.problems.key: k, line 2: {message}")):
        problems.parsed(f"{LINE}\n{line}".encode(), "spec.problems.key: k")


def test_a_file_without_a_problem_says_what_a_line_is() -> None:
    with pytest.raises(UserError, match=r"task_id, prompt, entry_point, tests$"):
        problems.parsed(b"\n", "spec.problems.key: k")
