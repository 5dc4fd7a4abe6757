"""The pictures of a corpus's report, each of numbers that the table below it has."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_steps.figures import COLOURS, Series, bars
from pipeline_steps.report import counted, share, size

MOST = 16  # bars of languages and of licences; what is smaller becomes one


def funnel(stages: Sequence[Mapping[str, Any]]) -> str:
    """Draw what each stage left and dropped, by bytes; the corpus is the last bar."""
    first, last = stages[0], stages[-1]
    rows = [("read in", first["bytesIn"], 0, first["filesIn"])]
    rows += [
        (one["stage"], one["bytesOut"], one["bytesIn"] - one["bytesOut"], _lost(one))
        for one in stages
    ]
    rows.append(("corpus", last["bytesOut"], 0, last["filesOut"]))
    labels, left, lost, files = zip(*rows, strict=True)
    notes = [_change(*row[1:]) for row in rows]
    notes[0], notes[-1] = (f"{size(left[end])} in {counted(files[end], 'file')}" for end in (0, -1))
    series = [Series("left", "blue", left), Series("dropped here", "orange", lost)]
    return bars(labels, series, notes, "Bytes left and dropped, stage by stage")


def _lost(stage: Mapping[str, Any]) -> int:
    return int(stage["filesIn"] - stage["filesOut"])


def _change(left: int, lost: int, files: int) -> str:
    if not files:
        return "nothing dropped"
    return f"-{size(lost)} in {counted(files, 'file')}, {share(lost, left + lost)}"


def languages(found: Mapping[str, Mapping[str, int]]) -> str:
    """Draw the languages of the corpus, by bytes."""
    rows = sorted(found.items(), key=lambda item: (-item[1]["bytes"], item[0]))
    shown = [(name, one["bytes"], one["files"]) for name, one in rows[:MOST]]
    if rest := [one for _, one in rows[MOST:]]:
        total = (sum(one["bytes"] for one in rest), sum(one["files"] for one in rest))
        shown.append((f"{len(rest)} others", *total))
    labels, values, _ = zip(*shown, strict=True)
    notes = [f"{size(value)} in {counted(files, 'file')}" for _, value, files in shown]
    return bars(labels, [Series("bytes", "blue", values)], notes, "Bytes by language")


def licences(rows: Sequence[tuple[str, int, int]]) -> str:
    """Draw what the licence policy kept and dropped, by bytes.

    Args:
        rows: licence, bytes kept, bytes dropped; the largest first.
    """
    shown = list(rows[:MOST])
    if rest := rows[MOST:]:
        shown.append((f"{len(rest)} others", sum(r[1] for r in rest), sum(r[2] for r in rest)))
    labels, kept, lost = zip(*shown, strict=True)
    series = [Series("kept", "blue", kept), Series("dropped by the policy", "orange", lost)]
    notes = [size(a + b) for a, b in zip(kept, lost, strict=True)]
    return bars(labels, series, notes, "Bytes kept and dropped by licence")


def counts(labels: Sequence[str], values: Sequence[int], thing: str, about: str) -> str:
    """Draw counts of one kind of thing."""
    notes = [counted(value, thing) for value in values]
    return bars(labels, [Series(thing, "blue", values)], notes, about)


def mixture(taken: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw the shares of the roles: by the weights, and as they came out."""
    series = [
        Series(role, colour, [one["wanted"], one["reached"]])
        for (role, one), colour in zip(taken.items(), COLOURS, strict=False)
    ]
    return bars(("by the weights", "in the corpus"), series, ("", ""), "Shares of the roles")
