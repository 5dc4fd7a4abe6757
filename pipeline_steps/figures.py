"""Bars for a report, drawn by matplotlib as SVG that depends on the numbers alone.

Letters and lines take the page's own colours, so that a picture is readable on light and on dark
ground, and letters stay letters: a reader can search them, and a picture has a few kilobytes.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

from pipeline_steps.report import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 720  # points
ROW = 23  # points of a bar with its gap
LEFT = 150  # points for the labels
ROOM = 1.45  # of the longest bar: what is said behind a bar stands there
LETTERS = 20  # of a label
# As they are drawn; the page has variables of these names, for both grounds.
COLOURS = {"blue": "#2f6f8f", "orange": "#d2703c", "grey": "#8a949e"}
INKS = {"ink": "#1f2328", "soft": "#636c76"}
FONT = "DejaVu Sans"  # comes with matplotlib, so that letters are placed alike everywhere
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # letters, not outlines
    "svg.hashsalt": "oremill",
    "font.family": FONT,
    "font.size": 12,
    "text.parse_math": False,  # a dollar sign is none of TeX's
    "text.color": INKS["ink"],
}
_GROUP = re.compile(r'<g id="[^"]*">')  # ids would be those of other pictures on the page
_HEAD = re.compile(r'^.*?<svg [^>]*?(?P<box>viewBox="[^"]*")[^>]*>', re.DOTALL)
_REST = re.compile(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", re.DOTALL)


@dataclass(frozen=True)
class Series:
    """One part of every bar."""

    name: str
    colour: str  # a name in COLOURS
    values: Sequence[float]


def bars(labels: Sequence[str], series: Sequence[Series], notes: Sequence[str], about: str) -> str:
    """Return horizontal bars, the first on top, as an SVG element.

    Args:
        labels: left of each bar.
        series: parts of the bars, from the left; a legend names them when there are several.
        notes: right of each bar.
        about: what the picture shows, for those who cannot see it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    legend = ROW * (len(series) > 1)
    height = ROW * len(labels) + legend
    out = StringIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # The page has its own letters; matplotlib's font is for measuring alone.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        matplotlib.rcdefaults()  # not what a user's matplotlibrc says
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(figsize=(WIDTH / 72, height / 72), frameon=False)
        left, top = LEFT / WIDTH, (height - legend) / height
        _draw(figure.add_axes((left, 0, 1 - left, top)), labels, series, notes)
        if legend:
            figure.legend(
                loc="upper left", bbox_to_anchor=(left, 1), ncols=len(series), frameon=False,
                borderpad=0, borderaxespad=0, handlelength=0.8, handleheight=0.8, handletextpad=0.4,
            )  # fmt: skip
        figure.savefig(out, format="svg", metadata={"Date": None})
    return _embedded(out.getvalue(), about)


def _draw(
    axes: "Axes", labels: Sequence[str], series: Sequence[Series], notes: Sequence[str]
) -> None:
    begins = [0.0] * len(labels)
    for one in series:
        colour = COLOURS[one.colour]
        axes.barh(
            range(len(labels)), one.values, 0.72, begins,
            label=visible(one.name), color=colour, clip_on=False,
        )  # fmt: skip
        begins = [begin + value for begin, value in zip(begins, one.values, strict=True)]
    longest = max([*begins, 0]) or 1
    gap = longest * 0.012
    edge = -LEFT / (WIDTH - LEFT)  # of the picture, in widths of the axes
    for row, (label, end, note) in enumerate(zip(labels, begins, notes, strict=True)):
        axes.text(edge, row, _label(label), transform=axes.get_yaxis_transform(), va="center")
        axes.text(end + gap, row, visible(note), va="center", color=INKS["soft"])
    axes.set_xlim(0, longest * ROOM)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_axis_off()
    axes.axvline(0, color=INKS["soft"], linewidth=1, clip_on=False)


def _label(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= LETTERS else f"{shown[: LETTERS - 1]}…"


def _embedded(svg: str, about: str) -> str:
    """Return the SVG element as a page may hold several of."""
    svg = _GROUP.sub("<g>", _REST.sub("", svg)).replace(f"'{FONT}'", "system-ui, sans-serif")
    begin = f'<svg role="img" aria-label="{escape(about)}" '
    svg = _HEAD.sub(lambda match: f"{begin}{match['box']}>", svg)
    for name, colour in (COLOURS | INKS).items():
        svg = svg.replace(f": {colour}", f": var(--{name}, {colour})")
    return re.sub(r"\s*\n\s*", "\n", svg).strip()
