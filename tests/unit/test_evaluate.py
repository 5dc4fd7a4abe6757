"""Scores, their names, the report, and the self-test that stands before them."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline_steps.errors import StepFailed, UserError
from pipeline_steps.evaluate import report, steplang
from pipeline_steps.evaluate.adapters import StepLang, read_problems, self_test
from pipeline_steps.evaluate.judge import Judge, Limits
from pipeline_steps.evaluate.scores import Answer, gains, results, score
from pipeline_steps.evaluate.verdicts import Judgement, Verdict
from pipeline_steps.report import html, markdown
from tests.sandbox_server import SandboxServer

LIMITS = Limits(wall_seconds=5.0, memory_bytes=256 * 2**20, output_bytes=65536)


@pytest.fixture(scope="module")
def judge(sandbox: SandboxServer) -> Iterator[Judge]:
    made = Judge(sandbox.url, sandbox.token, LIMITS, threads=4)
    yield made
    made.close()


def answers(*verdicts: str, samples: int = 1) -> list[Answer]:
    """Return answers with these verdicts, `samples` to a problem."""
    return [
        Answer(f"t{i // samples}", i % samples, "", "", Judgement(Verdict(verdict), 0, 1))
        for i, verdict in enumerate(verdicts)
    ]


P, W, J = "PASS", "WRONG_ANSWER", "JUDGE_ERROR"


def test_pass_at_k_is_the_mean_over_problems() -> None:
    found = score("m", "b", answers(P, W, W, W, P, P, samples=2), [1, 2], seed=0)
    assert found.problems == 3
    assert found.passes[1].value == pytest.approx((0.5 + 0 + 1) / 3)
    assert found.passes[2].value == pytest.approx(2 / 3)
    assert found.verdicts["PASS"] == 3
    assert sum(found.verdicts.values()) == 6


def test_a_judge_error_is_in_no_denominator() -> None:
    many = answers(*[P, W] * 100, J)
    found = score("m", "b", many, [1], seed=0)
    assert not found.inconclusive
    assert found.passes[1].value == 0.5
    assert found.verdicts["JUDGE_ERROR"] == 1


def test_too_many_judge_errors_leave_no_score() -> None:
    found = score("m", "b", answers(*[P] * 90, *[J] * 10), [1], seed=0)
    assert found.inconclusive
    assert found.passes == {}
    assert results([found], []) == {"m/b/inconclusive": 1, "b/inconclusive": 1}


def test_one_model_has_plain_names_too() -> None:
    found = results([score("sft-tiny", "steplang", answers(P, W), [1], 0)], [])
    assert found["sft-tiny/steplang/pass@1"] == found["steplang/pass@1"] == 0.5
    assert found["steplang/low"] <= 0.5 <= found["steplang/high"]


def test_several_models_are_compared_with_the_first_by_problem() -> None:
    first = score("sft-a", "steplang", answers(*[P, W, W, W] * 25), [1], 0)
    last = score("rlef-a", "steplang", answers(*[P, P, W, W] * 25), [1], 0)
    found = results([first, last], gains([first, last], 0))
    assert found["gain/steplang/pass@1"] == 0.25
    assert 0 < found["gain/steplang/low"] < 0.25 < found["gain/steplang/high"]
    assert "steplang/pass@1" not in found


def test_nothing_is_compared_with_a_model_that_has_no_score() -> None:
    first = score("a", "b", answers(*[J] * 4), [1], 0)
    last = score("c", "b", answers(*[P] * 4), [1], 0)
    assert gains([first, last], 0) == []


def test_a_self_test_lets_a_sound_benchmark_through(judge: Judge) -> None:
    self_test(StepLang(steplang.problems(0, 20, "heldout")), judge)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"solution": "def f(x, y): pass"}, "the reference answer to StepLang/heldout/1"),
        ({"solution": "def f(x, y)"}, "COMPILE_ERROR"),
    ],
    ids=["wrong", "broken"],
)  # fmt: skip
def test_a_self_test_stops_a_benchmark_whose_reference_fails(
    judge: Judge, change: dict[str, str], says: str
) -> None:
    problems = steplang.problems(0, 3, "heldout")
    problems[1] |= change
    with pytest.raises(StepFailed, match=says) as caught:
        self_test(StepLang(problems), judge)
    assert caught.value.reason == "SelfTestFailed"


def test_a_self_test_stops_a_benchmark_that_lets_empty_answers_pass(judge: Judge) -> None:
    class Lenient(StepLang):
        def empty(self, problem: dict) -> str:  # type: ignore[type-arg]
            return str(problem["solution"])

    with pytest.raises(StepFailed, match="the empty answer"):
        self_test(Lenient(steplang.problems(0, 2, "heldout")), judge)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompt": 3}, "line 2: prompt: Input should be a valid string"),
        ({"solution": ""}, "line 2: solution: String should have at least 1 character"),
        ({"tests": [{"args": 1}]}, "line 2: tests[0].args: Input should be a valid array"),
        ({"tests": "abc"}, "line 2: tests: Input should be a valid array"),
        ({"tests": []}, "line 2: tests: List should have at least 1 item"),
    ],
    ids=["prompt", "solution", "args", "tests", "no test"],
)  # fmt: skip
def test_a_bad_problems_file_is_refused_by_line_and_field(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    good = steplang.problems(0, 1, "train")[0]
    (tmp_path / "p.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(good | change)}\n")
    with pytest.raises(UserError, match=re.escape(f"spec.x: p, {says}")):
        read_problems(tmp_path / "p.jsonl", "spec.x: p")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "line 1: the line: Invalid JSON"),
        (b"\n[]", "line 2: the line: Input should be an object"),
        (b'{"task_id": "\xe4"}', "line 1: byte 14 is not UTF-8"),
        (b"\n", "holds no problem; a line is a JSON object with task_id, prompt"),
    ],
    ids=["json", "list", "encoding", "empty"],
)
def test_a_problems_file_that_is_none_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "p.jsonl").write_bytes(content)
    with pytest.raises(UserError, match=re.escape(says)):
        read_problems(tmp_path / "p.jsonl", "spec.x: p")


def test_a_base_model_is_asked_as_its_corpus_reads() -> None:
    (problem,) = steplang.problems(0, 1, "train")
    adapter = StepLang([problem])
    document = adapter.question(problem, "completion") + problem["solution"]
    assert document == f"# {problem['prompt']}\n{problem['solution']}"
    answer = f"{problem['solution']}\n# start from x then square and return\ndef f(x, y):"
    assert adapter.program(problem, "completion", answer).strip() == problem["solution"].strip()


def test_the_report_says_the_same_in_both_forms() -> None:
    first = score("sft-<a>", "steplang", answers(*[P, W] * 10), [1], 0)
    last = score("rlef-a", "steplang", answers(*[P, P] * 10), [1], 0)
    differences = gains([first, last], 0)
    parts = report.tables([first, last], differences, {"sft-<a>/steplang": {"judge": 1}})
    told, page = markdown("EvalJob x", parts), html("EvalJob x", parts)
    assert "| rlef-a | sft-&lt;a> | steplang | pass@1 | +0.5000 |" in told
    text = _Text()
    text.feed(page)
    for part in parts:
        for row in part.rows:
            assert all(cell in text.seen for cell in row if cell)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_data(self, data: str) -> None:
        self.seen.append(data)
