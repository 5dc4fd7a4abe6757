"""Benchmarks stay out: planted problems are found, other code is left alone."""

import ast
import json
import random
import typing
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_steps.corpus import problems
from pipeline_steps.corpus.contamination import Index, humaneval, problems_file
from pipeline_steps.errors import UserError
from pipeline_steps.evaluate import steplang

HUMANEVAL = humaneval(10)
INDEX = Index([HUMANEVAL])


def lines(items: list[dict[str, object]]) -> bytes:
    return "\n".join(json.dumps(item) for item in items).encode()


PLAIN = Index([humaneval(0)])  # without n-grams, which would find nearly everything first
# What is left of these without head and docstring is anybody's code: `return x + y`.
TRIVIAL = {
    2, 13, 16, 23, 27, 28, 30, 34, 41, 42, 45, 53, 54, 60, 97, 100, 138,
}  # fmt: skip
CHANGES = {
    "as it is": str,
    "in capitals": str.upper,
    "with tabs": lambda text: text.replace("    ", "\t\t"),
    "with other line ends": lambda text: text.replace("\n", "\r\n\r\n"),
    "without spaces": lambda text: text.replace(" = ", "=").replace(", ", ","),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_planted_prompt_is_found_under_case_and_white_space(
    change: Callable[[str], str],
) -> None:
    for problem in HUMANEVAL.problems:
        match = PLAIN.find(f"import os\n\n{change(problem.prompt)}\nx = 1\n")
        assert match is not None and (match.rule, match.task) == ("benchmark-text", problem.task_id)
        assert match.benchmark == "humaneval" and match.line >= 3


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_planted_solution_is_found_with_its_head(change: Callable[[str], str]) -> None:
    for problem in HUMANEVAL.problems:
        assert PLAIN.find(f"x = 1\n{change(problem.wholes[0])}\n") is not None, problem.task_id


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_planted_body_is_found_but_the_trivial(change: Callable[[str], str]) -> None:
    found = [PLAIN.find(f"def other(a):\n{change(p.pieces[0])}\n") for p in HUMANEVAL.problems]
    missed = {number for number, match in enumerate(found) if match is None}
    assert missed - {35} == TRIVIAL  # 35 is short too: found by its tokens, but not in capitals


def test_every_planted_body_is_found_under_comments_and_other_quotes() -> None:
    def commented(line: str) -> str:
        return f"{line}  # a note" if line.strip() and not line.endswith("\\") else line

    for number, problem in enumerate(HUMANEVAL.problems):
        body = "\n".join(map(commented, problem.functions[0].splitlines())).replace("'", '"')
        match = PLAIN.find(f"def other(a):\n{body}\n")
        assert number in TRIVIAL | {52} or match is not None  # 52 has 16 tokens


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
    assert drop is not None and (drop.benchmark, drop.task) == ("heldout.jsonl", item["task_id"])


MBPP = {
    "task_id": 11,
    "text": "Write a python function to remove first and last occurrence of a given character.",
    "code": "def remove_Occ(s,ch): \r\n    for i in range(len(s)): \r\n        if (s[i] == ch): "
    "\r\n            s = s[0 : i] + s[i + 1:] \r\n            break\r\n    return s",
    "test_list": ['assert remove_Occ("hello","l") == "heo"'],
}
SANITIZED = {"prompt": MBPP["text"], **{key: MBPP[key] for key in ("task_id", "code", "test_list")}}
LIVE = {
    "question_title": "A",
    "question_content": "There are three cards with letters a, b, c placed in a row in some order.",
    "platform": "codeforces",
    "question_id": "1873_A",
    "starter_code": "",
}
PATCH = """\
diff --git a/mill/grind.py b/mill/grind.py
--- a/mill/grind.py
+++ b/mill/grind.py
@@ -10,3 +10,4 @@ def grind(ore):
     stones = load(ore)
-    return stones
+    if ore.is_wet and not ore.was_dried_before:
+        raise WetOre(ore.name, hint="dry it before grinding")
+    return sorted(stones, key=by_grade)
"""
SWE = {
    "repo": "astropy/astropy",
    "instance_id": "astropy__astropy-12907",
    "base_commit": "d16bfe05a744909de4b27f5875fe0d4ed41ce607",
    "patch": PATCH,
    "problem_statement": "Modeling's separability_matrix does not compute separability correctly.",
}
FORMATS = {
    "HumanEval": (
        {
            "task_id": "HumanEval/X",
            "prompt": 'def f(a):\n    """Grind the ore."""\n',
            "entry_point": "f",
            "canonical_solution": "    return a\n",
        },
        "HumanEval/X",
        "Grind the ore.",
    ),
    "MBPP": (MBPP, "MBPP/11", MBPP["text"]),
    "MBPP sanitized": (SANITIZED, "MBPP/11", MBPP["text"]),
    "MBPP solution": (MBPP, "MBPP/11", MBPP["code"]),
    "LiveCodeBench": (LIVE, "1873_A", LIVE["question_content"]),
    "SWE-bench": (SWE, "astropy__astropy-12907", SWE["problem_statement"]),
    "ours": ({"task_id": "own/1", "prompt": "Turn the crank"}, "own/1", "turn the CRANK"),
}


@pytest.mark.parametrize(("item", "task", "planted"), FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("listed", [False, True], ids=["lines", "list"])
def test_a_published_format_is_known_by_its_fields(
    item: dict[str, object], task: str, planted: str, listed: bool
) -> None:
    content = json.dumps([item], indent=1).encode() if listed else lines([item])
    index = Index([problems_file("k", content, 0)])
    if task == "HumanEval/X":
        planted = str(item["prompt"])
    match = index.find(f"x = 1\n\n{planted.upper()}\n")
    assert match is not None and (match.benchmark, match.task, match.line) == ("k", task, 3)
    assert match.excerpt.startswith(planted.upper().split("\n")[0].strip()[:20])
    assert match.value.startswith(f"k {task} line 3: ")
    assert index.find("mill = grind(ore)\n") is None


def test_a_file_that_shares_ten_words_with_a_gold_patch_is_found() -> None:
    index = Index([problems_file("swe.jsonl", lines([SWE]), 10)])
    after = "if ore.is_wet and not ore.was_dried_before: raise WetOre(ore.name, hint='dry it')"
    match = index.find(f"# a\n# b\n{after}\n")
    assert match is not None and match.rule == "benchmark-ngram"
    assert (match.task, match.line) == ("astropy__astropy-12907", 3)
    assert match.excerpt.startswith("if ore.is_wet")
    assert index.find("if ore.is_wet and not ore.dried: raise WetOre(ore.name)") is None
    assert Index([problems_file("swe.jsonl", lines([SWE]), 0)]).find(after) is None


def test_a_hunk_reads_as_after_the_patch() -> None:
    (hunk,) = problems.hunks(PATCH)
    assert hunk.splitlines()[0] == "    stones = load(ore)"
    assert "return stones" not in hunk and "sorted(stones" in hunk


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("astropy/astropy", True),
        ("astropy", True),
        ("pypi/Astropy-5.0.1", True),
        ("astropy__astropy", True),
        ("astropy-v4.3", True),
        ("astropy-main", True),
        ("astropy-d16bfe05a744909de4b27f5875fe0d4ed41ce607", True),
        ("fork-d16bfe05a744909de4b27f5875fe0d4ed41ce607", True),
        ("astropy-helpers-4.0", False),
        ("pyastropy", False),
        ("other/mill", False),
    ],
)
def test_the_repositories_of_swe_bench_are_out(name: str, wanted: bool) -> None:
    match = Index([problems_file("swe.jsonl", lines([SWE]), 10)]).repository(name)
    assert (match is not None) is wanted
    assert match is None or match.reason == "benchmark-repository"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"task_id": "a", "prompt": "p"}\nnot json', r"item 2 of k is no .*JSONDecodeError"),
        (b'{"prompt": "p"}', r"item 1 of k is no problem \(its fields are prompt\); a problem has"),
        (b"[1]", r"item 1 of k is no problem \(it is a int\)"),
        (b'"a"', r"item 1 of k is no problem \(it is a str\)"),
    ],
)
def test_an_item_that_is_no_problem_is_the_users_mistake(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        problems_file("k", content, 0)


def test_the_standard_library_holds_no_problem() -> None:
    texts = [Path(str(module.__file__)).read_text() for module in (ast, json, random, typing)]
    assert [INDEX.find(text) for text in texts] == [None] * len(texts)


def test_without_benchmarks_nothing_is_found() -> None:
    assert Index([]).find("anything") is None


@pytest.mark.parametrize(
    ("private", "shown"),
    [("ann@oremine.org", "<EMAIL>"), ("AKIA" + "Z7QK4WJ2PLX7M3TB", "<KEY>")],
    ids=["mail", "key"],
)
def test_what_the_ledger_shows_of_a_match_is_redacted(private: str, shown: str) -> None:
    index = Index([problems_file("swe.jsonl", lines([SWE]), 10)])
    raised = "if ore.is_wet and not ore.was_dried_before: raise WetOre(ore.name"
    match = index.find(f"# a\n{raised}, '{private}')\n")
    assert match is not None and match.rule == "benchmark-ngram"
    assert match.excerpt.startswith(f"{raised}, '{shown}")
