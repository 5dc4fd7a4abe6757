"""A report shows whatever a cell holds as text, on a page and in Markdown, and runs none of it."""

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from pipeline_steps.report import (
    Table,
    Verbatim,
    counted,
    html,
    markdown,
    share,
    short,
    size,
    visible,
)

GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "a|b",
    "back\\|slash",
    "`tick`",
    "``",
    "[link](http://example.com)",
    "![image](http://example.com/x.png)",
    "**bold** _it_ ~~gone~~ $x$",
    "&lt;b&gt;",
    "<!-- hidden",
    " leading and trailing ",
    "# heading",
]
UNSEEN = {
    "new\nline": "new\\nline",
    "\x1b[31mred": "\\x1b[31mred",
    "\u202egnp.exe": "\\u202egnp.exe",
    "nul\0": "nul\\x00",
}


class _Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag == "td":
            self.cells.append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data


def table(*cells: str, figure: str = "") -> Table:
    return Table("Title", "Note", ("one", "two"), [(cell, "1") for cell in cells], figure)


@pytest.mark.parametrize("kind", [str, Verbatim], ids=["our words", "verbatim"])
@pytest.mark.parametrize("cell", [*HOSTILE, *UNSEEN])
def test_a_cell_is_text_in_both_forms_whatever_it_holds(cell: str, kind: type[str]) -> None:
    parts = [table(kind(cell))]
    wanted = UNSEEN.get(cell, cell)
    page = _Page(html("x", parts))
    assert page.cells == [wanted, "1"]
    assert not page.tags & {"script", "img", "b"}
    assert not page.attributes & {"onerror", "onmouseover", "src"}
    rendered = GITHUB.render(markdown("x", parts))
    shown = _Page(rendered)
    assert [one.strip() for one in shown.cells] == [wanted.strip(), "1"]
    assert not shown.tags & {"script", "img", "a", "b", "strong", "em", "s"}


def test_headings_notes_and_facts_are_text_too() -> None:
    part = Table("<b>T|</b>", "<i>n</i>", ("<u>h</u>", "|"), [("a", "b")])
    page = _Page(html("<s>x</s>", [part], [("<em>", "<q>")]))
    assert not page.tags & {"b", "i", "u", "s", "em", "q"}
    rendered = GITHUB.render(markdown("<s>x</s>", [part], [("<em>", "<q>")]))
    assert not _Page(rendered).tags & {"b", "i", "u", "s", "em", "q"}


def test_the_page_may_load_and_run_nothing() -> None:
    page = html("x", [table("a", figure="<svg></svg>")])
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    parsed = _Page(page)
    assert not parsed.tags & {"script", "link", "img", "iframe"}
    assert not parsed.attributes & {"src", "srcset"}
    assert "url(" not in page and "@import" not in page


def test_numbers_stand_on_the_right() -> None:
    rows = [("1,234", "12.3 MB", "4.5%", "kept"), ("7", "", "-0.1%", "2")]
    part = Table("t", "n", ("files", "bytes", "share", "what"), rows)
    assert "| ---: | ---: | ---: | --- |" in markdown("x", [part])
    assert '<td class="n">12.3 MB</td>' in html("x", [part])


def test_a_folded_table_is_on_the_page_and_whole_in_markdown() -> None:
    part = Table("t", "n", ("a",), [("row",)], folded=True)
    assert "<details><summary>show 1 row</summary>" in html("x", [part])
    assert "| row |" in markdown("x", [part])


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (99_951, "100 kB"),
        (999_499, "999 kB"), (999_501, "1.0 MB"), (67_500_000_000_000, "67.5 TB"),
        (10**16, "10 PB"),
    ],
)  # fmt: skip
def test_bytes_have_three_digits(count: int, told: str) -> None:
    assert size(count) == told


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 0, "0.0%"), (0, 9, "0.0%"), (1, 9, "11.1%"), (9, 9, "100.0%"), (1, 9999, "<0.1%")],
)
def test_a_share_that_is_there_is_not_nothing(part: int, whole: int, told: str) -> None:
    assert share(part, whole) == told


@pytest.mark.parametrize(("count", "told"), [(0, "0 files"), (1, "1 file"), (1234, "1,234 files")])
def test_a_count_has_its_thing(count: int, told: str) -> None:
    assert counted(count, "file") == told


def test_a_long_text_keeps_its_ends() -> None:
    told = short("a" * 100 + "b" * 100, 60)
    assert len(told) == 60 and told.startswith("aaa") and told.endswith("bbb")
    assert short("short") == "short"


def test_what_is_seen_stays_as_it_is() -> None:
    assert visible("naïve 世界 €") == "naïve 世界 €"
