"""Which Python files no interpreter accepts."""

from typing import Any

import pytest

from oremill.specs.corpus import Lint
from pipeline_steps.corpus import linting


def rules_of(*asked: Any) -> list[str]:
    return [found.rule for found in linting.findings(*asked)]


ALL = ["E9", "F63", "F7", "F82"]
CASES = [
    ("x = 1\n", ""),
    ("\ufeffx = 1\r\ny = x\r\n", ""),
    ("", ""),
    ("type A = int\nmatch A:\n    case _:\n        pass\n", ""),
    ("def f(:\n", "invalid-syntax"),
    ("print 'a'\n", "invalid-syntax"),
    ("x = 1\nassert (x, 'always')\n", "F631"),
    ("x = 1\nif x is 'a':\n    pass\n", "F632"),
    ("return 1\n", "F706"),
    ("break\n", "F701"),
    ("y\n", "F821"),
    ("y  # noqa: F821\n", ""),
    ("return y\n", "F706"),
]


@pytest.mark.parametrize(("text", "rule"), CASES, ids=[repr(text)[:24] for text, _ in CASES])
def test_the_first_finding_is_the_reason(text: str, rule: str) -> None:
    assert rules_of([text], ALL) == [rule]


def test_many_files_are_answered_in_their_order() -> None:
    texts = [text for text, _ in CASES] * 30
    assert rules_of(texts, ALL) == [rule for _, rule in CASES] * 30


def test_rules_that_are_not_asked_for_drop_nothing() -> None:
    assert rules_of(["y\n", "def f(:\n"], Lint().rules) == ["", "invalid-syntax"]
    assert rules_of(["y\n", "def f(:\n"], ["F82"]) == ["F821", ""]
    assert rules_of(["def f(:\n"], []) == [""]
    assert rules_of([], ALL) == []


@pytest.mark.parametrize("rules", [[], ALL, ["F82"]], ids=["none", "all", "F82"])
def test_whether_a_file_parses_is_told_whatever_is_asked_for(rules: list[str]) -> None:
    found = linting.findings([text for text, _ in CASES], rules)
    assert [one.parses for one in found] == [rule != "invalid-syntax" for _, rule in CASES]


@pytest.mark.parametrize(
    "deep",
    ["(" * 100_000, "x = " + "-" * 100_000 + "1\n", "f(\n" * 50_000 + ")\n" * 50_000],
    ids=["brackets", "signs", "calls"],
)
def test_a_file_that_is_too_deep_for_ruff_is_broken_alone(deep: str) -> None:
    texts = ["x = 1\n", "def f(:\n", deep, "y = 2\n", "return 1\n", deep]
    found = linting.findings(texts, ["E9", "F7"], [False] * 6)
    rules = ["", "invalid-syntax", "invalid-syntax", "", "F706", "invalid-syntax"]
    assert [one.rule for one in found] == rules
    assert [one.parses for one in found] == [rule in ("", "F706") for rule in rules]
    assert rules_of(texts, ["F82"]) == [""] * 6


def test_a_stub_may_use_a_name_before_it_is_bound() -> None:
    text = "class B(A): ...\nclass A: ...\n"
    assert rules_of([text, text], ALL, [True, False]) == ["", "F821"]
