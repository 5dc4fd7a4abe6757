"""The report of an EvalJob, for people: the same tables as Markdown and as one HTML page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from pipeline_steps.evaluate.passk import Estimate
from pipeline_steps.evaluate.scores import INCONCLUSIVE, Gain, Score

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 1rem } td, th { padding: .2rem .8rem .2rem 0 }
th { text-align: left; border-bottom: 1px solid } td { border-bottom: 1px solid #8884 }
"""


@dataclass(frozen=True)
class Table:
    """A heading, a sentence that says how to read what follows, and rows."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def tables(
    scores: Sequence[Score], gains: Sequence[Gain], fingerprints: dict[str, dict[str, Any]]
) -> list[Table]:
    """Return what there is to report."""
    found = [_scores(scores)]
    if gains:
        found.append(_gains(gains))
    return [*found, _verdicts(scores), _fingerprints(fingerprints)]


def markdown(title: str, parts: Sequence[Table]) -> str:
    """Return the report as Markdown."""
    lines = [f"# {title}", ""]
    for part in parts:
        lines += [f"## {part.title}", "", part.note, ""]
        lines += [f"| {' | '.join(row)} |" for row in (part.header, ("---",) * len(part.header))]
        lines += [f"| {' | '.join(row)} |" for row in part.rows]
        lines.append("")
    return "\n".join(lines)


def html(title: str, parts: Sequence[Table]) -> str:
    """Return the report as one page that needs nothing else."""
    body = "".join(map(_html_table, parts))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(title)}</h1>{body}</html>\n"
    )


def _html_table(part: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in part.header)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in part.rows
    )
    return (
        f"<h2>{escape(part.title)}</h2><p>{escape(part.note)}</p>"
        f"<table><tr>{head}</tr>{rows}</table>"
    )


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
