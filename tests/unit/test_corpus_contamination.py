"""Benchmarks stay out: planted problems are found, other code is left alone."""

import json

import pytest

from pipeline_steps.corpus.contamination import Benchmark, Index, humaneval, problems_file
from pipeline_steps.errors import UserError
from pipeline_steps.evaluate import steplang

HUMANEVAL = humaneval(10)
INDEX = Index([HUMANEVAL])


def lines(items: list[dict[str, object]]) -> bytes:
    return "\n".join(json.dumps(item) for item in items).encode()


@pytest.mark.parametrize("change", [str, str.upper, lambda text: text.replace("    ", "\t\t")])
@pytest.mark.parametrize("number", range(0, 164, 20))
def test_a_planted_prompt_is_found_under_case_and_white_space(number: int, change: object) -> None:
    assert callable(change)
    planted = f"import os\n\n{change(HUMANEVAL.problems[number].prompt)}\nx = 1\n"
    drop = Index([Benchmark("h", HUMANEVAL.problems, 0)]).find(planted)
    assert drop is not None and drop.value == f"h HumanEval/{number}"
    assert drop.reason == "benchmark-text"


def test_a_planted_solution_without_its_prompt_is_found() -> None:
    drop = INDEX.find("def other():\n" + HUMANEVAL.problems[0].pieces[0])
    assert drop is not None and drop.value == "humaneval HumanEval/0"


def test_a_run_of_words_of_a_prompt_is_found_only_when_asked_for() -> None:
    ten = "Check if in given list of numbers are any two"  # of HumanEval/0
    assert (found := INDEX.find(f"# {ten} equal?")) and found.reason == "benchmark-ngram"
    assert INDEX.find(f"# {ten.removesuffix(' two')}") is None
    assert Index([humaneval(0)]).find(f"# {ten} equal?") is None


@pytest.mark.parametrize(
    "text",
    [
        "def add(x, y):\n    return x + y\n",
        "assert f([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) == [1, 2, 3, 4, 5]\n",
        "    return sorted(list(set(l)))\n",
    ],
    ids=["a trivial solution", "a run of numbers", "another trivial solution"],
)
def test_what_everybody_writes_is_no_contamination(text: str) -> None:
    assert INDEX.find(text) is None


def test_only_planted_held_out_problems_are_found_in_random_programs() -> None:
    held_out = steplang.problems(0, 100, "heldout")
    index = Index([problems_file("heldout.jsonl", lines(held_out), 0)])
    files = ["\n".join(steplang.documents(0, 200, stream=f"t/{i}")) for i in range(20)]
    assert [index.find(text) for text in files] == [None] * 20
    item = held_out[7]
    leaked = files[3] + steplang.completion_prompt(item["prompt"]) + item["solution"]
    drop = index.find(leaked)
    assert drop is not None and drop.value == f"heldout.jsonl {item['task_id']}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"task_id": "a", "prompt": "p"}\nnot json', r"line 2 of k is no .*JSONDecodeError"),
        (b'{"prompt": "p"}', r"line 1 of k is no problem \(KeyError: 'task_id'\)"),
        (b"[1]", r"line 1 of k is no problem \(TypeError"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_problem_is_the_users_mistake(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        problems_file("k", content, 0)


def test_without_benchmarks_nothing_is_found() -> None:
    assert Index([]).find("anything") is None
