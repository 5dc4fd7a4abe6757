"""A live table on a terminal; elsewhere a line whenever something changed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from devcluster.demo.stages import Stage, settled
from devcluster.layout import DevClusterError

_EVERY = 3.0  # seconds; a kubectl costs 0.1 s of one core
_HEAD = ("KIND", "NAME", "PHASE", "PROGRESS", "HEADLINE", "ELAPSED")


def follow(look: Callable[[], list[Stage]], live: bool = sys.stdout.isatty()) -> list[Stage]:
    """Show the stages until all are complete, and return them.

    Raises DevClusterError, with the condition's own words, when one fails.
    """
    show = Table() if live else Lines()
    while True:
        stages, now = look(), datetime.now(UTC)
        show(stages, now)
        for stage in stages:
            if stage.failed:
                raise DevClusterError(failure(stage))
        if settled(stages):
            return stages
        time.sleep(_EVERY)


def failure(stage: Stage) -> str:
    """What went wrong, in the words of the object's condition."""
    reason, message = stage.status.get("reason", ""), stage.status.get("message", "")
    return f"{stage.kind} {stage.name} failed: {reason}: {message}"


class Table:
    """Draws over what it drew before."""

    def __init__(self) -> None:
        self._height = 0

    def __call__(self, stages: Sequence[Stage], now: datetime) -> None:
        lines = table([_HEAD, *(row(stage, now) for stage in stages)])
        up = f"\033[{self._height}A" if self._height else ""
        print(up + "".join(f"\033[2K{line}\n" for line in lines), end="", flush=True)
        self._height = len(lines)


class Lines:
    """Prints a stage when its phase, its tenth of progress or its reason changed."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], tuple[str, ...]] = {}

    def __call__(self, stages: Sequence[Stage], now: datetime) -> None:
        for stage in stages:
            key, news = (stage.kind, stage.name), notable(stage)
            if self._told.get(key) != news:
                self._told[key] = news
                print("  ".join(cell for cell in row(stage, now) if cell), flush=True)


def notable(stage: Stage) -> tuple[str, ...]:
    """What is worth a line when it changes."""
    tenth = stage.progress.rstrip("%")[:-1] if stage.progress.endswith("%") else ""
    return stage.phase, tenth, str(stage.status.get("reason", ""))


def row(stage: Stage, now: datetime) -> tuple[str, ...]:
    """The cells of one stage."""
    seconds = stage.seconds(now)
    elapsed = "" if seconds is None else clock(seconds)
    return stage.kind, stage.name, stage.phase, stage.progress, stage.headline, elapsed


def clock(seconds: float) -> str:
    """90 -> 1:30."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, cut to a terminal's usual width."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip()[:160] for line in lines]
