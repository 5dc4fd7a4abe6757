"""Benchmarks, each behind the same questions: what to ask, what an answer makes, is it right."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from oremill.specs.evaluate import Benchmark
from pipeline_steps.errors import StepFailed
from pipeline_steps.evaluate import problems, steplang
from pipeline_steps.evaluate.extract import cut, program
from pipeline_steps.evaluate.humaneval import HumanEval
from pipeline_steps.evaluate.judge import Judge
from pipeline_steps.evaluate.verdicts import Judgement, Verdict

Problem = dict[str, Any]


class Adapter(Protocol):
    """A benchmark."""

    name: str
    stops: tuple[str, ...]  # a completion ends before the first of them
    problems: list[Problem]

    def question(self, problem: Problem, mode: str) -> str:
        """Return what the model is asked, in mode chat or completion."""

    def program(self, problem: Problem, mode: str, answer: str) -> str:
        """Return the program that an answer makes."""

    def gold(self, problem: Problem) -> str:
        """Return the reference program."""

    def empty(self, problem: Problem) -> str:
        """Return the program of an empty answer."""

    def judge(self, judge: Judge, problem: Problem, code: str) -> Judgement:
        """Return the verdict on a program."""

    def close(self) -> None:
        """Let go of what the adapter holds."""


class StepLang:
    """Problems of steplang.py, from a file."""

    name = "steplang"
    # a corpus file goes on with the next task; a comment line begins it
    stops: tuple[str, ...] = ("\n#", "\ndef ", "\n\n")

    def __init__(self, problems: list[Problem]) -> None:
        """Ask these problems."""
        self.problems = problems

    def question(self, problem: Problem, mode: str) -> str:
        """Return the sentence, or the comment line that begins a document of the corpus."""
        sentence = str(problem["prompt"])
        return sentence if mode == "chat" else steplang.completion_prompt(sentence)

    def program(self, problem: Problem, mode: str, answer: str) -> str:
        """Return the program of an answer."""
        return program(answer) if mode == "chat" else cut(answer, self.stops)

    def gold(self, problem: Problem) -> str:
        """Return the reference program."""
        return str(problem["solution"])

    def empty(self, problem: Problem) -> str:
        """Return nothing."""
        return ""

    def judge(self, judge: Judge, problem: Problem, code: str) -> Judgement:
        """Return the verdict on a program."""
        return judge.functional(code, problem["entry_point"], problem["tests"])

    def close(self) -> None:
        """Hold nothing."""


def read_problems(path: Path, where: str) -> list[Problem]:
    """Return the problems of a file.

    Args:
        path: JSON Lines.
        where: the field of the spec and the object that it names, for errors.

    Raises:
        UserError: a line is no problem with a solution, or there is none.
    """
    found = problems.parsed(path.read_bytes(), where, problems.SolvedProblem)
    return [one.model_dump() for one in found]


def adapter(benchmark: Benchmark, file: Path | None, field: str) -> Adapter:
    """Return the adapter that a spec names; `file` holds its problems when they are the user's."""
    if benchmark.name == "humaneval":
        return HumanEval(benchmark.limit)
    assert file, "a rule of the contract: steplang has a key"
    return StepLang(read_problems(file, f"{field}: {benchmark.key}")[: benchmark.limit])


def self_test(chosen: Adapter, judge: Judge) -> None:
    """Make sure that every reference passes and no empty answer does.

    Raises:
        StepFailed: with reason SelfTestFailed; a score would mean nothing.
    """
    _expect(chosen, judge, chosen.gold, "reference", True)
    _expect(chosen, judge, chosen.empty, "empty", False)


def _expect(
    chosen: Adapter, judge: Judge, make: Callable[[Problem], str], what: str, passes: bool
) -> None:
    found = judge.map(lambda item: chosen.judge(judge, item, make(item)), chosen.problems)
    for problem, judgement in zip(chosen.problems, found, strict=True):
        if (judgement.verdict is Verdict.PASS) is not passes:
            raise StepFailed(
                f"{chosen.name}: the {what} answer to {problem['task_id']} was judged "
                f"{judgement.verdict} ({judgement.detail})",
                "SelfTestFailed",
            )
