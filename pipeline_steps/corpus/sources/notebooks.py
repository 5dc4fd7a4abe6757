"""A Jupyter notebook as a script: code cells as they are, prose as comments, outputs dropped.

StarCoder2 (arXiv:2402.19173) and The Stack v3 do the same by Jupytext. What only a notebook's
kernel understands (`%magic`, `!command`) becomes a comment, so that the script parses.
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nbformat

from pipeline_steps.corpus import languages

# Every other language that has a kernel of note begins a comment with "#".
SLASHES = frozenset(
    {"C", "C#", "C++", "F#", "Go", "Java", "JavaScript", "Kotlin", "PHP", "Rust", "Scala", "Swift",
     "TypeScript"}
)  # fmt: skip
DASHES = frozenset({"Haskell", "Lua", "SQL"})
TROUBLE = (
    nbformat.ValidationError, ValueError, TypeError, AttributeError, KeyError, RecursionError,
)  # fmt: skip


class Unreadable(ValueError):
    """No notebook."""


@dataclass(frozen=True)
class Script:
    """A notebook's code."""

    text: str
    language: str  # linguist's name


def is_notebook(path: str) -> bool:
    """Return whether a file's name says that it is a notebook."""
    return path.lower().endswith(".ipynb")


def script(text: str) -> Script:
    """Return the script of a notebook.

    Raises:
        Unreadable: it is none, by its own format's schema.
    """
    try:
        notebook = _parsed(text)
    except TROUBLE as error:
        raise Unreadable(f"{type(error).__name__}: {error}".splitlines()[0]) from error
    language = _language(notebook)
    mark = "//" if language in SLASHES else "--" if language in DASHES else "#"
    return Script("\n\n".join(_cells(notebook, mark)) + "\n", language)


def _parsed(text: str) -> Any:
    """Return a valid notebook of format 4, whichever it was."""
    given = json.loads(text)
    for cell in _all_cells(given):
        if cell.get("cell_type") == "code":  # what is dropped need not be valid
            cell |= {"outputs": [], "execution_count": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cells without ids, which older programs wrote
        read = nbformat.reader.reads(json.dumps(given))  # type: ignore[no-untyped-call]
        notebook = nbformat.convert(read, 4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    return notebook


def _all_cells(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from given.get("cells", [])
    for sheet in given.get("worksheets", []):  # format 3 and older
        yield from sheet.get("cells", [])


def _language(notebook: Any) -> str:
    metadata = notebook.metadata
    kernel, info = metadata.get("kernelspec", {}), metadata.get("language_info", {})
    name = str(info.get("name") or kernel.get("language") or "Python")
    extension = str(info.get("file_extension") or "")
    return languages.named(name) or languages.language(f"x{extension}", b"") or "Python"


def _cells(notebook: Any, mark: str) -> Iterator[str]:
    for cell in notebook.cells:
        source = cell.source.strip("\n")
        if not source.strip():
            continue
        if cell.cell_type == "code" and not source.lstrip().startswith("%%"):
            yield "\n".join(_plain(line, mark) for line in source.split("\n"))
        else:
            yield "\n".join(f"{mark} {line}".rstrip() for line in source.split("\n"))


def _plain(line: str, mark: str) -> str:
    magic = line.lstrip().startswith(("%", "!")) and mark == "#"
    return f"{mark} {line}" if magic else line
