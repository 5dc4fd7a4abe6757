"""A notebook becomes a script: code as it is, prose as comments, no outputs."""

import ast
import json
from typing import Any

import nbformat
import pytest

from pipeline_steps.corpus import languages
from pipeline_steps.corpus.sources.members import NOTEBOOK_BYTES, member

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def code(source: str | list[str], **fields: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "execution_count": 3, "source": source}
    return cell | {"outputs": []} | fields


def prose(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells: Any, metadata: Any = PYTHON, **fields: Any) -> bytes:
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": list(cells)}
    return json.dumps(whole | fields).encode()


OUTPUT = {"output_type": "stream", "name": "stdout", "text": "secret output " * 200}


def test_code_stays_prose_is_commented_and_outputs_go() -> None:
    given = notebook(
        prose("# Title\n\ntext"),
        code(["import os\n", "print(os)"], outputs=[OUTPUT, {"output_type": "of no kind"}]),
        code("   "),
        {"cell_type": "raw", "metadata": {}, "source": "raw"},
    )
    found = member("a/b.ipynb", given, 500)
    assert found.text == "# # Title\n#\n# text\n\nimport os\nprint(os)\n\n# raw\n"
    assert (found.language, found.size, found.path) == ("Python", len(given), "a/b.ipynb")


def test_what_only_the_kernel_understands_is_commented() -> None:
    given = notebook(
        code("%matplotlib inline\n!pip install x\nx = 7 % 2\nif x:\n    %time x"),
        code("%%bash\nls -l"),
    )
    text = member("a.ipynb", given, 1000).text
    assert text.startswith("# %matplotlib inline\n# !pip install x\nx = 7 % 2\nif x:\n")
    assert text.endswith("# %%bash\n# ls -l\n")
    ast.parse(text.replace("#     %time", "    pass  #"))


@pytest.mark.parametrize(
    ("metadata", "language", "comment"),
    [
        (PYTHON, "Python", "# prose"),
        ({}, "Python", "# prose"),
        ({"language_info": {"name": "julia", "file_extension": ".jl"}}, "Julia", "# prose"),
        ({"language_info": {"name": "R"}}, "R", "# prose"),
        ({"language_info": {"name": "javascript"}}, "JavaScript", "// prose"),
        ({"language_info": {"name": "rust", "file_extension": ".rs"}}, "Rust", "// prose"),
        ({"language_info": {"name": "haskell"}}, "Haskell", "-- prose"),
        ({"language_info": {"name": "own", "file_extension": ".go"}}, "Go", "// prose"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_script_is_in_the_language_of_its_kernel(
    metadata: Any, language: str, comment: str
) -> None:
    found = member("a.ipynb", notebook(prose("prose"), metadata=metadata), 1000)
    assert (found.language, found.text) == (language, f"{comment}\n")


def test_a_notebook_of_an_older_format_is_read() -> None:
    sheet = {
        "cells": [
            {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["Title"]},
            {
                "cell_type": "code",
                "collapsed": False,
                "input": ["x = 1"],
                "language": "python",
                "metadata": {},
                "outputs": [],
                "prompt_number": 1,
            },
        ]
    }
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [sheet]}
    assert member("a.ipynb", json.dumps(old).encode(), 1000).text == "# ## Title\n\nx = 1\n"


def test_what_the_library_writes_is_read() -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])  # type: ignore[no-untyped-call]
    assert member("a.ipynb", nbformat.writes(made).encode(), 100).text == "x = 1\n"  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "bad-notebook"),
        (b"[]", "bad-notebook"),
        (b"null", "bad-notebook"),
        (b"[" * 5000, "bad-notebook"),
        (b'{"cells": 7, "nbformat": 4}', "bad-notebook"),
        (notebook(code("x"), nbformat=99), "bad-notebook"),
        (notebook({"cell_type": "code"}), "bad-notebook"),
        (notebook({"cell_type": "video", "metadata": {}, "source": ""}), "bad-notebook"),
        (notebook("cell"), "bad-notebook"),
        (notebook(metadata=[]), "bad-notebook"),
        (notebook(), "empty"),
        (notebook(code("")), "empty"),
        (notebook(code("#" * 2000)), "too-large"),
        (b" " * (NOTEBOOK_BYTES + 1), "too-large"),
        (b"\xff", "not-utf8"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_notebook_has_a_reason(content: bytes, reason: str) -> None:
    assert member("a.ipynb", content, 1000).reason == reason


def test_a_notebook_may_be_large_by_its_outputs_alone() -> None:
    given = notebook(code("x = 1", outputs=[OUTPUT]))
    assert len(given) > 1000
    assert member("A.IPYNB", given, 1000).text == "x = 1\n"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("python", "Python"),
        ("Python", "Python"),
        ("c++", "C++"),
        ("cpp", "C++"),
        ("javascript", "JavaScript"),
        ("html", "HTML"),
        ("Jupyter Notebook", "Jupyter Notebook"),
        ("klingon", ""),
        ("", ""),
    ],
)
def test_a_language_is_spelled_as_linguist_does(name: str, wanted: str) -> None:
    assert languages.named(name) == wanted
