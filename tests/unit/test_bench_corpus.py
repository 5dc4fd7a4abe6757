"""What bench.corpus plants, judges and prints; the tools that it runs are not run here."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.corpus import agreement, figures, machine, packages, planting
from bench.corpus.__main__ import size
from bench.corpus.agreement import Bands
from bench.corpus.figures import Bar
from bench.corpus.tables import SCHEMA, Planted, Sample, texts
from pipeline_steps.corpus.shingles import jaccard, shingles


def source(seed: int, words: int = 600) -> str:
    """Return a text in the form of code."""
    rng = Random(seed)
    lines = (f"call_{rng.randrange(10**6)}(name_{rng.randrange(10**6)})" for _ in range(words // 2))
    return "\n".join(lines)


def sample(folder: Path, *files: str) -> Sample:
    """Write texts as a table, and return it."""
    rows = [
        {"row": n, "id": f"r/{n}", "repository": "r", "path": str(n), "text": text}
        for n, text in enumerate(files)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "00000.parquet")
    return Sample(folder, len(rows), sum(map(len, files)))


@pytest.mark.parametrize("wanted", [0.6, 0.7, 0.8, 0.9])
def test_an_edited_text_is_about_as_similar_as_wanted(wanted: float) -> None:
    text = source(1)
    own = shingles(text, planting.SHINGLE)
    copy = planting.edited(text, len(own), wanted, Random(2))
    assert jaccard(own, shingles(copy, planting.SHINGLE)) == pytest.approx(wanted, abs=0.02)


def test_planted_pairs_have_the_similarities_that_are_said_and_repeat() -> None:
    files = [source(seed) for seed in range(80)]
    found = list(planting.pairs(files, 1, scale=0.02))
    assert found == list(planting.pairs(files, 1, scale=0.02))
    for pair in found:
        sets = [shingles(text, planting.SHINGLE) for text in (pair.base, pair.copy)]
        assert jaccard(*sets) == pair.similarity
    spans = [(least, below) for least, below in planting.WANTED]
    counts = [sum(least <= pair.similarity < below for pair in found) for least, below in spans]
    assert counts == [8, 4, 24, 12, 4]


def test_a_base_is_unlike_the_file_that_it_is_made_from() -> None:
    text = source(1)
    base = planting.renamed(text, Random(3))
    assert jaccard(shingles(text, 5), shingles(base, 5)) < 0.3


def test_too_few_texts_to_plant_in_are_told() -> None:
    with pytest.raises(ValueError, match="too few texts"):
        list(planting.pairs([source(1)], 1, scale=0.1))


def test_recall_counts_a_pair_of_which_either_file_was_removed() -> None:
    pairs = [Planted("a", "b", 0.81), Planted("c", "d", 0.8), Planted("e", "f", 0.9)]
    assert agreement.recall({"a", "f"}, pairs, 0.8, 0.82) == 0.5
    assert agreement.recall({"a", "d"}, pairs, 0.8, 0.82) == 1
    assert agreement.recall(set(), [], 0.8, 0.82) == 0


def test_agreement_is_the_share_that_both_removed() -> None:
    assert agreement.agreement({"a", "b"}, {"b", "c"}) == pytest.approx(1 / 3)
    assert agreement.agreement(set(), set()) == 0


def test_the_most_similar_kept_file_is_found_by_either_notion_of_words(tmp_path: Path) -> None:
    text = source(1)
    other = planting.edited(text, len(shingles(text, 5)), 0.75, Random(1))
    numbered = "\n".join(f"set_value({n}, {n + 1}, {n + 2})" for n in range(90))
    files = sample(tmp_path, text, other, source(2), numbered, numbered.replace("1", "7"))
    assert [name for name, _ in texts(files.tables)] == [f"r/{n}" for n in range(5)]
    own = Bands.of(files, agreement.own_words)
    kept = {"r/1", "r/2", "r/4"}
    similar, alone = agreement.best(files, own, ["r/0", "r/3"], kept)
    assert similar == jaccard(shingles(text, 5), shingles(other, 5))
    assert alone < agreement.THRESHOLD
    theirs = Bands.of(files, agreement.datatroves_words)
    assert agreement.best(files, theirs, ["r/3"], kept) == [1.0]
    assert agreement.below([similar, alone]) == 0.5


def test_what_a_tool_left_is_read_from_parquet_and_from_arrow(tmp_path: Path) -> None:
    rows = pa.table({"id": ["a", "b"], "text": ["x", "y"]})
    pq.write_table(rows, tmp_path / "0.parquet")
    with (
        pa.OSFile(str(tmp_path / "1.arrow"), "wb") as out,
        pa.ipc.new_stream(out, rows.schema) as to,
    ):
        to.write_table(pa.table({"id": ["c"], "text": ["z"]}))
    assert agreement.left(tmp_path) == {"a", "b", "c"}


def test_a_figure_stands_to_its_bound_in_one_line() -> None:
    lines = [
        Bar.at_least("near-pace", 61.234, "MB/s", 50),
        Bar.at_least("pipeline", 1.94, "times", 2),
        Bar.at_most("disk", 1200, "bytes/file", 1200),
        Bar.at_most("below", 1, "files", 0),
    ]
    assert [str(line) for line in lines] == [
        "BAR near-pace 61.2 MB/s >=50 ok",
        "BAR pipeline 1.94 times >=2 short",
        "BAR disk 1200 bytes/file <=1200 ok",
        "BAR below 1 files <=0 short",
    ]
    printed = "\n".join(["quality: 3 MB/s", *map(str, lines)])
    assert figures.parse(printed) == lines


@pytest.mark.parametrize("line", ["BAR a 1 s none", "BAR a 1 s <=2 good", "BAR a 1 2 s <=2 ok"])
def test_a_line_that_is_no_figure_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not `BAR"):
        figures.parse(line)


@pytest.mark.parametrize(("text", "wanted"), [("100M", 10**8), ("1.1G", 11 * 10**8), ("7", 7)])
def test_a_size_has_a_unit(text: str, wanted: int) -> None:
    assert size(text) == wanted


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Path]:
    import zipfile

    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("a.com/m@v1.0.0/pkg/b.go", "package b\n")
        out.writestr("a.com/m@v1.0.0/a.go", "package a\n")
        out.writestr("a.com/m@v1.0.0/a.bin", b"\0\1")
        out.writestr("a.com/m@v1.0.0/latin.txt", b"\xe9\xe8")
        out.writestr("a.com/m@v1.0.0/empty.txt", " \n")
        out.writestr("a.com/m@v1.0.0/large.txt", "x" * (packages.MAX_FILE + 1))
    yield path


def test_the_texts_of_an_archive_are_read_by_path(archive: Path) -> None:
    package = packages.Package("go", "a.com/m", "v1.0.0", "")
    assert list(packages.texts(package, archive)) == [
        ("a.go", "package a\n"),
        ("pkg/b.go", "package b\n"),
    ]


def test_every_pinned_package_is_named_once() -> None:
    found = packages.pinned()
    assert len({package.file for package in found}) == len(found) > 20
    assert {package.registry for package in found} == {"wheels", "go", "npm", "crates"}


def test_a_run_is_measured_with_all_that_it_started(tmp_path: Path) -> None:
    held = "bytearray(b'x') * 150_000_000"
    inner = f"import time; kept = {held}; sum(range(4_000_000)); time.sleep(1.2)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    cost = machine.run(["python3", "-c", outer], tmp_path / "log", tmp_path, 1, 2**30, {})
    assert not cost.failed and cost.seconds > 1.2 and cost.cpu > 0.05
    assert 140e6 < cost.peak < 300e6


def test_a_run_that_holds_too_much_is_stopped(tmp_path: Path) -> None:
    program = "import time; kept = bytearray(b'x') * 150_000_000; time.sleep(30)"
    cost = machine.run(["python3", "-c", program], tmp_path / "log", tmp_path, 1, 10**8, {})
    assert cost.failed.startswith("stopped at") and cost.seconds < 10
