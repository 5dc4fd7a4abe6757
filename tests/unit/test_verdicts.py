"""From a runner's report to a verdict, and when two values are the same."""

from typing import Any

import pytest

from pipeline_steps.evaluate.comparison import EXACT, Tolerance, same
from pipeline_steps.evaluate.judge import judged
from pipeline_steps.evaluate.verdicts import Verdict

TESTS = [{"args": [1], "expected": 1}, {"args": [2], "expected": 4}]


def report(*results: dict[str, Any], outcome: str = "OK", detail: str = "") -> dict[str, Any]:
    return {"outcome": outcome, "detail": detail, "results": list(results)}


@pytest.mark.parametrize(
    ("found", "verdict", "passed", "detail"),
    [
        (report({"value": 1}, {"value": 4}), "PASS", 2, ""),
        (report({"value": 1}, {"value": 5}), "WRONG_ANSWER", 1, "f(2) returned 5, expected 4"),
        (report({"value": 0}, {"value": 4}), "WRONG_ANSWER", 1, "f(1) returned 0, expected 1"),
        (report({"error": "KeyError: x"}, {"value": 4}), "RUNTIME_ERROR", 1, "f(1): KeyError: x"),
        (report({"error": "MemoryError"}, {"value": 4}), "MEMORY_LIMIT", 1, "f(1): MemoryError"),
        (
            report({"unrepresentable": "a Same"}, {"value": 4}),
            "PROTOCOL_VIOLATION", 1, 'f(1): not a plain value: "a Same"',
        ),
        (
            report({"value": {"list": 3}}, {"value": 4}),
            "PROTOCOL_VIOLATION", 1, 'f(1): not a plain value: "a malformed value"',
        ),
        (report({"value": 1}, outcome="TIME_LIMIT", detail="slow"), "TIME_LIMIT", 1, "slow"),
        (report({"value": 0}, outcome="TIME_LIMIT"),
         "WRONG_ANSWER", 0, "f(1) returned 0, expected 1"),
        (report(outcome="COMPILE_ERROR", detail="line 1"), "COMPILE_ERROR", 0, "line 1"),
        (report({"value": 1}), "JUDGE_ERROR", 1, "the runner answered too few calls"),
        (report({"value": True}, {"value": 4}),
         "WRONG_ANSWER", 1, "f(1) returned True, expected 1"),
    ],
)  # fmt: skip
def test_a_report_gets_the_verdict_of_its_first_failure(
    found: dict[str, Any], verdict: str, passed: int, detail: str
) -> None:
    judgement = judged(found, "f", TESTS, EXACT)
    assert (judgement.verdict, judgement.passed, judgement.total) == (verdict, passed, 2)
    assert judgement.detail == detail


def test_there_are_nine_verdicts() -> None:
    assert len(Verdict) == 9


NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1), (1.5, 1.5), (NAN, NAN), ("é", "é"), (None, None), ([1, [2]], [1, [2]]),
        ((1, 2), (1, 2)), ({"a": 1}, {"a": 1}), ({1, 2}, {2, 1}), (b"x", b"x"), (0.0, -0.0),
    ],
)  # fmt: skip
def test_equal_values_of_one_type_are_the_same(value: Any, expected: Any) -> None:
    assert same(value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, 1), (1, True), (1, 1.0), ([1], (1,)), ([True], [1]), ({True: 1}, {1: 1}),
        ({"a": 1}, {"a": True}), ({1}, {True}), ({1}, frozenset({1})), ("1", 1), (None, 0),
        ([1], [1, 2]), ({"a": 1}, {}), (NAN, 1.0), (1.0, 1.0 + 1e-15),
    ],
)  # fmt: skip
def test_values_that_only_look_alike_differ(value: Any, expected: Any) -> None:
    assert not same(value, expected)


def test_floats_may_be_apart_as_far_as_a_task_says() -> None:
    assert same([1.0, 100.0], [1.0001, 100.0005], Tolerance(absolute=1e-3))
    assert same(1000.0, 1000.1, Tolerance(relative=1e-3))
    assert not same(1, 1.0001, Tolerance(absolute=1e-3))
