"""The tables of an EvalJob's report, for people."""

from collections.abc import Sequence
from typing import Any

from pipeline_steps.evaluate.passk import Estimate
from pipeline_steps.evaluate.scores import INCONCLUSIVE, Gain, Score
from pipeline_steps.report import Table


def tables(
    scores: Sequence[Score], gains: Sequence[Gain], fingerprints: dict[str, dict[str, Any]]
) -> list[Table]:
    """Return what there is to report."""
    found = [_scores(scores)]
    if gains:
        found.append(_gains(gains))
    return [*found, _verdicts(scores), _fingerprints(fingerprints)]


def _scores(scores: Sequence[Score]) -> Table:
    rows: list[tuple[str, ...]] = []
    for one in scores:
        if one.inconclusive:
            rows.append((one.model, one.benchmark, str(one.problems), "", "inconclusive", ""))
        for k, found in one.passes.items():
            shown = (str(one.problems), f"pass@{k}", f"{found.value:.4f}", _interval(found))
            rows.append((one.model, one.benchmark, *shown))
    note = (
        "Mean over problems, unbiased; 95 % interval by bootstrap over problems. Inconclusive: "
        f"more than {INCONCLUSIVE:.0%} of the answers could not be judged."
    )
    header = ("model", "benchmark", "problems", "metric", "value", "95 % interval")
    return Table("Scores", note, header, rows)


def _gains(gains: Sequence[Gain]) -> Table:
    rows = [
        (
            one.model,
            one.over,
            one.benchmark,
            f"pass@{one.k}",
            f"{one.estimate.value:+.4f}",
            _interval(one.estimate),
        )
        for one in gains
    ]
    note = "Paired by problem; a gain is certain where its interval does not hold 0."
    header = ("model", "over", "benchmark", "metric", "gain", "95 % interval")
    return Table("Gains over the first model", note, header, rows)


def _verdicts(scores: Sequence[Score]) -> Table:
    rows = [
        (one.model, one.benchmark, verdict, str(count), f"{count / sum(one.verdicts.values()):.1%}")
        for one in scores
        for verdict, count in one.verdicts.items()
        if count
    ]
    note = "How the answers were judged. JUDGE_ERROR is ours, and is in no denominator."
    return Table("Verdicts", note, ("model", "benchmark", "verdict", "answers", "share"), rows)


def _fingerprints(fingerprints: dict[str, dict[str, Any]]) -> Table:
    rows = [
        (score, name, str(value))
        for score, found in fingerprints.items()
        for name, value in found.items()
    ]
    note = "What else shapes a score: compare two only where these agree."
    return Table("How it was measured", note, ("score", "what", "value"), rows)


def _interval(found: Estimate) -> str:
    return f"{found.low:.4f} to {found.high:.4f}"
