"""From judged answers to scores: pass@k with intervals, verdict counts, differences of models.

A JUDGE_ERROR is trouble of ours: it is in no denominator, and a benchmark with more than
INCONCLUSIVE of them has no score, so that no gate opens on half the answers.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline_steps.evaluate.passk import Estimate, estimate, paired, pass_at_k
from pipeline_steps.evaluate.verdicts import Judgement, Verdict

INCONCLUSIVE = 0.01  # share of JUDGE_ERRORs above which there is no score


@dataclass(frozen=True)
class Answer:
    """One judged answer: a line of the samples file."""

    task_id: str
    sample: int
    answer: str
    program: str
    judgement: Judgement

    def record(self) -> dict[str, Any]:
        """Return the line."""
        return {
            "task_id": self.task_id,
            "sample": self.sample,
            "verdict": str(self.judgement.verdict),
            "passed": self.judgement.passed,
            "total": self.judgement.total,
            "detail": self.judgement.detail,
            "answer": self.answer,
            "program": self.program,
        }


@dataclass(frozen=True)
class Score:
    """What one model reached on one benchmark."""

    model: str
    benchmark: str
    problems: int
    verdicts: dict[str, int]
    inconclusive: bool
    passes: dict[int, Estimate]  # by k
    by_problem: dict[int, dict[str, float]]  # k -> task id -> pass@k

    def public(self) -> dict[str, Any]:
        """Return what scores.json says of it."""
        return {
            "model": self.model,
            "benchmark": self.benchmark,
            "problems": self.problems,
            "verdicts": self.verdicts,
            "inconclusive": self.inconclusive,
            "pass@k": {str(k): asdict(found) for k, found in self.passes.items()},
        }


@dataclass(frozen=True)
class Gain:
    """How far a model is above the first one, paired by problem."""

    model: str
    over: str
    benchmark: str
    k: int
    estimate: Estimate


def score(
    model: str, benchmark: str, answers: Sequence[Answer], ks: Iterable[int], seed: int
) -> Score:
    """Return the score of a model's answers."""
    verdicts = Counter(str(one.judgement.verdict) for one in answers)
    inconclusive = verdicts[Verdict.JUDGE_ERROR] > INCONCLUSIVE * len(answers)
    by_problem = {k: _by_problem(answers, k) for k in ks}
    passes = {k: estimate(list(found.values()), seed) for k, found in by_problem.items() if found}
    return Score(
        model,
        benchmark,
        len({one.task_id for one in answers}),
        {str(verdict): verdicts[verdict] for verdict in Verdict},
        inconclusive,
        {} if inconclusive else passes,
        by_problem,
    )


def _by_problem(answers: Sequence[Answer], k: int) -> dict[str, float]:
    """Return pass@k of each problem that has k answers which were judged."""
    judged = [one for one in answers if one.judgement.verdict is not Verdict.JUDGE_ERROR]
    total = Counter(one.task_id for one in judged)
    passed = Counter(one.task_id for one in judged if one.judgement.verdict is Verdict.PASS)
    return {task: pass_at_k(count, passed[task], k) for task, count in total.items() if count >= k}


def gains(scores: Sequence[Score], seed: int) -> list[Gain]:
    """Return the differences of each benchmark's other models to its first one."""
    found = []
    for benchmark in dict.fromkeys(one.benchmark for one in scores):
        first, *others = [one for one in scores if one.benchmark == benchmark]
        found += [
            Gain(other.model, first.model, benchmark, k, paired(*_values(first, other, k), seed))
            for other in others
            for k in other.passes
            if k in first.passes
        ]
    return found


def _values(first: Score, other: Score, k: int) -> tuple[dict[str, float], dict[str, float]]:
    return first.by_problem[k], other.by_problem[k]


def results(scores: Sequence[Score], differences: Sequence[Gain]) -> dict[str, float | int | str]:
    """Return the headline numbers, by the names that gates use.

    `<model>/<benchmark>/pass@k` with `.../low` and `.../high`, and `<benchmark>/pass@k` where there
    is one model. `gain/...` is what the last model has over the first. The first number is the one
    that a table shows.
    """
    found: dict[str, float | int | str] = {}
    models = list(dict.fromkeys(one.model for one in scores))
    for gain in differences:
        if gain.model == models[-1]:
            found |= _numbers(f"gain/{gain.benchmark}", {gain.k: gain.estimate})
    for one in scores:
        prefixes = [f"{one.model}/{one.benchmark}"] + [one.benchmark] * (len(models) == 1)
        for prefix in prefixes:
            found |= _numbers(prefix, one.passes)
            found |= {f"{prefix}/inconclusive": 1} if one.inconclusive else {}
    return found


def _numbers(prefix: str, passes: dict[int, Estimate]) -> dict[str, float]:
    found = {}
    for k, one in passes.items():
        found[f"{prefix}/pass@{k}"] = round(one.value, 4)
    if passes:
        smallest = passes[min(passes)]  # the interval of the smallest k: a status stays short
        found |= {
            f"{prefix}/low": round(smallest.low, 4),
            f"{prefix}/high": round(smallest.high, 4),
        }
    return found
