"""The report of a real corpus, whose files have names that a page could take for something else."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from oremill import names
from tests import hostile_corpus
from tests.hostile_corpus import CRANK, SCRIPT
from tests.minio_server import MinioServer
from tests.unit.test_corpus_stage import Done


@pytest.fixture(scope="module")
def corpus(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return hostile_corpus.made(minio, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def folder(corpus: Done) -> Path:
    return hostile_corpus.downloaded(corpus)


class _Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.titles: list[str] = []
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.said += data


def test_the_report_shows_strangers_words_as_words(folder: Path) -> None:
    page = (folder / names.REPORT).read_text()
    parsed = _Page(page)
    assert not parsed.tags & {"script", "img", "b"}
    rendered = _Page(
        MarkdownIt("commonmark").enable("table").render((folder / "report.md").read_text())
    )
    assert not rendered.tags & {"script", "img", "b", "a"}
    for shown in (parsed.said, rendered.said):
        assert f"1.000 demo/own/{SCRIPT}" in shown  # what a copy is one of
        assert "demo/own/bad\\nname.py" in shown  # a path that breaks the line
        assert f"<b>|1 line 1: {CRANK[:40]}" in shown


def test_the_report_has_pictures_and_the_numbers_of_the_manifest(
    corpus: Done, folder: Path
) -> None:
    page, markdown = (folder / names.REPORT).read_text(), (folder / "report.md").read_text()
    assert page.count("<svg") == page.count("<figure>") >= 5
    for stage in corpus[1].counters["stages"]:
        dropped = stage["filesIn"] - stage["filesOut"]
        assert not dropped or f"| {stage['stage']} | {dropped} | " in markdown
    for heading in (
        "Stages", "Reasons", "Samples of drops", "Languages", "Licences", "Duplicates",
        "Sizes of clusters", "Similarity", "Largest clusters", "Redaction", "Insecure patterns",
        "Mixture", "Sources", "What was asked", "Inputs", "Versions",
    ):  # fmt: skip
        assert f"\n## {heading}\n" in markdown
        assert f">{heading}</h2>" in page


def test_the_report_says_nothing_of_where_and_when_it_was_made(corpus: Done, folder: Path) -> None:
    step, manifest = corpus
    for file in (names.REPORT, "report.md"):
        text = (folder / file).read_text()
        for word in ("hostile/own", step.uri, manifest.created_at[:10], str(step.scratch)):
            assert word not in text.replace("demo/own", "")


def test_the_manifest_links_the_report(corpus: Done) -> None:
    step, manifest = corpus
    assert manifest.artifact(step.uri).report == f"{step.uri}/report.html"
