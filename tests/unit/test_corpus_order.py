"""The order of a repository's files: what it promises for any repository, in any mode."""

import random

import pytest

from pipeline_steps.corpus.imports import Links
from pipeline_steps.corpus.order import arrange
from pipeline_steps.corpus.repository import File


def python(path: str, *needs: str, size: int = 1) -> File:
    return File(path, "Python", Links(needs), size)


REPOSITORY = [
    python("src/app/main.py", "app.util", "app.sub.deep"),
    python("src/app/util.py", "app.main"),
    python("src/app/sub/deep.py"),
    python("src/app/alone.py"),
    File("README.md", "Markdown"),
    File("docs/guide.rst", "reStructuredText"),
    File("Makefile", "Makefile"),
    File("config.yaml", "YAML"),
    File("schema.sql", "SQL"),
    File("LICENSE", "Text"),
    File("src/app/sub/README", "Text"),
]
ORDER = [
    "README.md", "src/app/sub/README", "LICENSE", "docs/guide.rst", "Makefile", "config.yaml",
    "schema.sql", "src/app/alone.py", "src/app/sub/deep.py", "src/app/main.py", "src/app/util.py",
]  # fmt: skip


def drawn(seed: int, count: int) -> list[File]:
    """Draw a repository in which files import files, themselves and what is not there."""
    rng = random.Random(seed)
    names = [f"{rng.choice('abc')}/{rng.choice('de')}/m{number}" for number in range(count)]
    return [
        python(f"{name}.py", *(rng.choice([*names, "os"]).replace("/", ".") for _ in range(3)))
        if rng.random() < 0.8
        else File(f"{name}.md", "Markdown")
        for name in names
    ]


def paths(files: list[File], by: str = "imports", seed: int = 0) -> list[str]:
    return [files[place].path for place in arrange(files, by, seed)]


def test_what_is_no_code_comes_first_then_what_is_needed_the_rest_by_path() -> None:
    assert paths(REPOSITORY) == ORDER


@pytest.mark.parametrize("by", ["imports", "path", "random"])
@pytest.mark.parametrize("seed", range(10))
def test_the_order_is_a_permutation_that_shuffling_does_not_change(by: str, seed: int) -> None:
    files = drawn(seed, 60)
    wanted = paths(files, by)
    assert sorted(wanted) == sorted(file.path for file in files)
    for _ in range(3):
        random.Random(seed).shuffle(files)
        assert paths(files, by) == wanted


@pytest.mark.parametrize("seed", range(20))
def test_needs_come_first_where_there_is_no_circle(seed: int) -> None:
    rng = random.Random(seed)
    names = rng.sample([f"{a}{b}" for a in "abcdefgh" for b in range(8)], 60)
    files = [
        python(f"{name}.py", *rng.sample(names[:number], min(number, 3)))
        for number, name in enumerate(names)
    ]
    place = {path: number for number, path in enumerate(paths(files))}
    for file in files:
        assert all(place[f"{need}.py"] < place[file.path] for need in file.links.needs)


def test_a_random_order_is_the_seeds() -> None:
    files = drawn(1, 60)
    assert paths(files, "random", 1) == paths(files, "random", 1) != paths(files, "random", 2)


@pytest.mark.parametrize("files", [[], [python("a.py", "a")]], ids=["none", "one"])
def test_the_smallest_repositories(files: list[File]) -> None:
    assert arrange(files) == list(range(len(files)))


def test_folders_are_compared_as_folders() -> None:
    files = [python("a-b/c.py"), python("a/z.py"), python("a.py")]
    assert paths(files, "path") == ["a/z.py", "a-b/c.py", "a.py"]


def test_files_of_one_path_all_stay() -> None:
    files = [python("a.py", "b"), python("b.py"), python("a.py"), python("a.py", "b")]
    assert sorted(arrange(files)) == [0, 1, 2, 3]
