"""A report for people: facts, tables and pictures, as Markdown and as one page of HTML.

The page needs nothing else, no script and no network, and is readable on light and on dark ground.
Markdown, for a terminal or a discussion, has the same tables without the pictures: these show no
number that is not in the rows beside them.

Cells may hold what strangers wrote, a path or a licence's name: whatever it is, it is shown as
text. What cannot be seen is shown by its escape, so that a newline or a change of direction in a
file's name can neither break a table nor lie about what follows.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #636c76; --line: #d1d9e0; --ground: #fff;
  --raised: #f6f8fa; --blue: #2f6f8f; --orange: #d2703c; --grey: #8a949e }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d;
  --ground: #0d1117; --raised: #151b23; --blue: #58a6c8; --orange: #e8915f; --grey: #6e7681 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--ground) }
h1 { font-size: 1.7rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin: 2.6rem 0 .3rem }
p { margin: .3rem 0 .8rem; color: var(--soft); max-width: 46rem } a { color: var(--blue) }
dl { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.2rem 0 }
dl div { background: var(--raised); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem 1rem; min-width: 6.5rem } dt { color: var(--soft); font-size: .85rem }
dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .9rem }
figure { margin: .8rem 0 1rem }
svg { width: 100%; max-width: 50rem; height: auto; display: block }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-size: .9rem }
td, th { padding: .25rem 1rem .25rem 0; vertical-align: top }
th { text-align: left; border-bottom: 1px solid var(--soft); white-space: nowrap }
td { border-bottom: 1px solid var(--line) } .s { white-space: nowrap }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
code { overflow-wrap: anywhere; font: .86em/1.5 ui-monospace, monospace;
  background: var(--raised); padding: .1em .3em; border-radius: .25rem }
summary { cursor: pointer; color: var(--soft); font-size: .9rem }
"""
# Nothing but the page itself may be loaded or run, should a cell ever hold more than text.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_NUMBER = re.compile(r"[<+-]?[\d,]+(\.\d+)?( ?(%|[kMGTP]?B))?")
_MARKS = re.compile(r"[\\`*_\[\]~$]")
_MEANING = re.compile(r"[\\`*_\[\]{}<>&|~$:@#!]")
_NO_CODE_SPAN = re.compile(r"[`|\\]|^ | $|^$")

_SHORT = 24  # characters of a cell that is not broken into lines

Rows = Sequence[tuple[str, ...]]


class Verbatim(str):
    """Text as a file has it, such as a path or a value: set apart from our own words."""


@dataclass(frozen=True)
class Table:
    """A heading, a sentence that says how to read what follows, and rows."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: Rows
    figure: str = ""  # SVG of numbers that the rows have, from pipeline_steps.figures
    folded: bool = False  # the page shows the rows when they are asked for


def visible(text: str) -> str:
    """Return text on one line, with escapes for what a terminal or a page would not show."""
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable()
        else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in text
    )


def short(text: str, most: int = 160) -> Verbatim:
    """Return text of at most so many characters: its begin and its end, the more telling part."""
    shown = visible(text)
    if len(shown) > most:
        shown = f"{shown[: most // 3]} … {shown[len(shown) - (most - most // 3 - 3) :]}"
    return Verbatim(shown)


def markdown(title: str, parts: Sequence[Table], facts: Rows = ()) -> str:
    """Return the report as Markdown.

    Args:
        title: of the report.
        parts: its tables.
        facts: (name, value) of the few numbers that stand first.
    """
    lines = [f"# {_marked(title)}", ""]
    lines += [f"- {_marked(name)}: **{_marked(value)}**" for name, value in facts]
    lines += [""] * bool(facts)
    for part in parts:
        lines += [f"## {_marked(part.title)}", "", _marked(part.note), ""]
        ruler = tuple("---:" if number else "---" for number in _numeric(part))
        lines += [f"| {' | '.join(map(_marked, part.header))} |", f"| {' | '.join(ruler)} |"]
        lines += [f"| {' | '.join(map(_marked, row))} |" for row in part.rows]
        lines.append("")
    return "\n".join(lines)


def html(title: str, parts: Sequence[Table], facts: Rows = ()) -> str:
    """Return the report as one page; arguments as in `markdown`."""
    links = "".join(
        f'<a href="#part-{number}">{_text(part.title)}</a>' for number, part in enumerate(parts)
    )
    tiles = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in facts
    )
    body = "".join(_html_part(number, part) for number, part in enumerate(parts))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style><h1>{_text(title)}</h1>"
        f"{f'<dl>{tiles}</dl>' if facts else ''}<nav>{links}</nav>{body}</html>\n"
    )


def _html_part(number: int, part: Table) -> str:
    classes = _classes(part)
    table = f"<table>{_html_row('th', part.header, classes)}"
    table += "".join(_html_row("td", row, classes) for row in part.rows) + "</table>"
    shown = f'<div class="wide">{table}</div>' if part.rows else ""
    if part.folded and part.rows:
        shown = (
            f"<details><summary>show {counted(len(part.rows), 'row')}</summary>{shown}</details>"
        )
    figure = f"<figure>{part.figure}</figure>" if part.figure else ""
    head = f'<h2 id="part-{number}">{_text(part.title)}</h2><p>{_text(part.note)}</p>'
    return f"<section>{head}{figure}{shown}</section>\n"


def _html_row(tag: str, row: Iterable[str], classes: Iterable[str]) -> str:
    cells = zip(row, classes, strict=True)
    return f"<tr>{''.join(f'<{tag}{given}>{_text(cell)}</{tag}>' for cell, given in cells)}</tr>"


def _classes(part: Table) -> list[str]:
    short = (all(len(cell) <= _SHORT for cell in column) for column in _columns(part))
    pairs = zip(_numeric(part), short, strict=True)
    return [' class="n"' if numeric else ' class="s"' * short for numeric, short in pairs]


def _numeric(part: Table) -> list[bool]:
    """Return which columns hold nothing but numbers."""
    given = ([cell for cell in column if cell] for column in _columns(part))
    return [bool(column) and all(map(_NUMBER.fullmatch, column)) for column in given]


def _columns(part: Table) -> list[tuple[str, ...]]:
    return list(zip(*part.rows, strict=True)) or [()] * len(part.header)


def _text(cell: str) -> str:
    shown = escape(visible(cell))
    return f"<code>{shown}</code>" if isinstance(cell, Verbatim) and cell else shown


def _marked(cell: str) -> str:
    """Return a cell as Markdown that shows it as it is."""
    shown = visible(cell)
    if isinstance(cell, Verbatim) and cell:
        # A span of code keeps everything but what ends it or the cell.
        return _entities(shown) if _NO_CODE_SPAN.search(shown) else f"`{shown}`"
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return _MARKS.sub(lambda mark: f"\\{mark[0]}", shown)


def _entities(text: str) -> str:
    return _MEANING.sub(lambda mark: f"&#{ord(mark[0])};", text)


def amount(count: int) -> str:
    """Return a count with its thousands apart."""
    return f"{count:,}"


def share(part: float, whole: float) -> str:
    """Return a share in per cent; of nothing, none."""
    found = part / whole if whole else 0.0
    return "<0.1%" if 0 < found < 0.0005 else f"{found:.1%}"


def counted(count: int, thing: str) -> str:
    """Return a count with the name of what is counted, of which several have an s."""
    return f"{amount(count)} {thing}{'s' * (count != 1)}"


def size(count: int) -> str:
    """Return bytes in the unit that leaves three digits, by thousands."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.0f} PB"
