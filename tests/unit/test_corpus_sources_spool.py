"""What is read waits in order and on disk: memory holds the index, not the texts."""

import io
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_steps.corpus.sources import archives, spool
from pipeline_steps.corpus.sources.members import Member, dropped
from pipeline_steps.corpus.sources.spool import Spool

MIB = 2**20


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path, "own", "c0ffee") as made:
        yield made


def peak(archive: Path, limit: int) -> tuple[int, int, int]:
    """Return bytes at most held, files, and bytes of texts."""
    tracemalloc.start()
    try:
        with Spool(archive.parent, "r") as made:
            archives.add(archive, made, limit)
            files = texts = 0
            for member in made:
                files, texts = files + 1, texts + len(member.text)
        return tracemalloc.get_traced_memory()[1], files, texts
    finally:
        tracemalloc.stop()


def test_files_come_by_repository_and_path_whatever_came_first(opened: Spool) -> None:
    for repository, path in (("z", "a"), ("", "b"), ("z", "B"), ("", "a/c"), ("é", "a")):
        opened.add(Member(path, 1, text=f"{repository}:{path}", repository=repository))
    found = [(one.repository, one.path, one.text) for one in opened]
    assert found == [
        ("own", "a/c", ":a/c"),
        ("own", "b", ":b"),
        ("z", "B", "z:B"),
        ("z", "a", "z:a"),
        ("é", "a", "é:a"),
    ]
    assert {one.revision for one in opened} == {"c0ffee"}


@pytest.mark.parametrize("in_memory", [0, MIB], ids=["on disk", "in memory"])
def test_texts_come_back_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", in_memory)
    texts = ["", "a\r\nb", "é\u2028\n", "\ufeffx", "x" * 70_000]
    with Spool(tmp_path, "own") as made:
        for number, text in enumerate(texts):
            made.add(Member(f"{number}", 1, text=text))
        assert [member.text for member in made] == texts
        assert not list(tmp_path.iterdir()), "the file of texts has no name"


def test_files_with_one_path_stay_unless_the_last_replaces_them(opened: Spool) -> None:
    for text in ("first", "second", "last"):
        opened.add(Member("a", 1, text=text))
    assert [one.text for one in opened] == ["first", "second", "last"]
    opened.replaced()
    assert [(one.text, one.reason) for one in opened] == [
        ("", "duplicate-path"),
        ("", "duplicate-path"),
        ("last", ""),
    ]


def test_what_is_forgotten_leaves_no_trace(opened: Spool) -> None:
    opened.add(Member("a", 1, text="first"))
    opened.add(Member("b", 1, text="second"))
    opened.forget(1)
    opened.add(Member("c", 1, text="third"))
    assert [(one.path, one.text) for one in opened] == [("a", "first"), ("c", "third")]


def test_texts_are_known_before_the_first_file(opened: Spool) -> None:
    opened.add(Member("src/a.py", 1, text="a"))
    opened.add(Member("LICENSE", 1, text="MIT"))
    opened.add(Member("src/COPYING.txt", 1, text="GPL"))
    opened.add(dropped("doc/LICENSE", 9, "not-utf8"))
    opened.add(Member("LICENSE", 1, text="Zlib", repository="other"))
    own = {"src/a.py": "a", "LICENSE": "MIT", "src/COPYING.txt": "GPL"}
    assert dict(opened.texts("own")) == own
    assert dict(opened.texts("other")) == {"LICENSE": "Zlib"}
    assert dict(opened.texts("third")) == {}


def test_a_file_of_two_gigabytes_is_never_held(tmp_path: Path) -> None:
    with (tmp_path / "a.tar").open("wb") as out:
        big = tarfile.TarInfo("x/big.bin")
        big.size = 2 * 2**30
        out.write(big.tobuf())
        out.seek(big.size, io.SEEK_CUR)  # a hole: the disk holds nothing either
        small = tarfile.TarInfo("x/a.py")
        small.size = 1
        out.write(small.tobuf() + b"a".ljust(512, b"\0") + bytes(1024))
    held, files, texts = peak(tmp_path / "a.tar", MIB)
    assert (files, texts) == (2, 1)
    assert held < 8 * MIB


def test_many_texts_wait_on_disk(tmp_path: Path) -> None:
    line = "value = 1234567890  # a line of a source\n"
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        for number in range(64):
            content = f"{number}\n{line * (MIB // len(line) - 1)}".encode()
            info = tarfile.TarInfo(f"x/{number}.py")
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    held, files, texts = peak(tmp_path / "a.tar", MIB)
    assert (files, texts > 60 * MIB) == (64, True)
    assert held < 16 * MIB


def test_the_index_stays_small(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        for number in range(5000):
            out.addfile(tarfile.TarInfo(f"x/folder-{number % 50}/file-{number}.py"))
    # The least of three: what is imported at first use counts, and threads that other tests left.
    held, files, _ = min(peak(tmp_path / "a.tar", MIB) for _ in range(3))
    assert files == 5000
    assert held < 3 * MIB + files * 1000
