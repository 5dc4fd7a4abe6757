"""Which files hold a benchmark's problem, and where.

Rules, the first that finds anything: with case and white space taken out (StarCoder2's rule), the
file contains a problem's whole prompt, docstring or solution; it contains the body of a solution's
function token by token, whatever its layout, and its comments but inside of the two lines that tell
most; and, when the spec asks for n-grams, it
shares one run of words with a prompt, a solution or a gold patch (DeepSeek-Coder's rule). All files
of a repository that SWE-bench draws tasks from are out, whatever they hold.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import ahocorasick
import numpy as np
from numpy.typing import NDArray

from oremill.specs.corpus import Redaction
from pipeline_steps.corpus import redaction
from pipeline_steps.corpus.glance import Glance
from pipeline_steps.corpus.problems import Benchmark, Problem, benchmarks, humaneval, problems_file
from pipeline_steps.corpus.shingles import Hashes, runs, words
from pipeline_steps.corpus.syntax import Syntax

__all__ = ["Benchmark", "Index", "Match", "Problem", "benchmarks", "humaneval", "problems_file"]

# Characters, white space aside, below which a solution or a docstring is anybody's: `return x + y`,
# `return sorted(list(set(l)))`. 22 of HumanEval's 164 solutions are shorter. Prompts always count.
MIN_PIECE = 32
MIN_WHOLE = 28  # of a function with its name and types, which is less often anybody's
MIN_TOKENS = 20  # of a function's body, for the same reason
EXCERPT = 80  # characters of the file that a match shows
LOOKED_AT = 4096  # characters that are redacted for it: a key may go on behind them
_TOKEN = re.compile(r"\w+|[^\w\s]")
_PROBE = 8  # words of a line of a solution: most texts share none, and are done
_WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")
_VERSION = r"(?:[-_.]v?\d[^/]*|[-_.][0-9a-f]{7,40}|[-_.](?:main|master|HEAD))?"


@dataclass(frozen=True)
class Match:
    """A problem that was found in a file."""

    rule: str  # benchmark-text, benchmark-function, benchmark-ngram or benchmark-repository
    benchmark: str
    task: str
    line: int  # of the file, from 1; 0 for a repository
    excerpt: str  # of the file, in one line

    @property
    def reason(self) -> str:
        """Reason of the drop."""
        return self.rule

    @property
    def value(self) -> str:
        """What the ledger keeps of it."""
        return f"{self.benchmark} {self.task} line {self.line}: {self.excerpt}"


class Index:
    """All benchmarks at once: an automaton for whole texts, one for bodies, a table for each n."""

    def __init__(self, benchmarks: Sequence[Benchmark]) -> None:
        needles = [item for one in benchmarks for item in _needles(one)]
        self._texts = _automaton(needles)
        self._bodies = _automaton(item for one in benchmarks for item in _functions(one))
        self._ngrams = [
            (one, _Known(list(_tellings(one)), one.ngram)) for one in benchmarks if one.ngram
        ]
        self._glance = Glance(
            [text for _, _, text in needles],
            [_lines(body) for one in benchmarks for p in one.problems for body in _long(p)],
            [(one.ngram, known.hashes) for one, known in self._ngrams],
        )
        self._repositories = [
            (one.name, problem, _names(problem.repository))
            for one in benchmarks
            for problem in {p.repository: p for p in one.problems if p.repository}.values()
        ]
        self._commits = {
            p.commit: (one.name, p.task_id) for one in benchmarks for p in one.problems if p.commit
        }

    def find(self, text: str) -> Match | None:
        """Return which problem a text holds, or None."""
        rules = self._glance.at(text)
        return (
            (self._whole(text) if "whole" in rules else None)
            or (self._body(text) if "body" in rules else None)
            or (self._run(text) if "run" in rules else None)
        )

    def repository(self, name: str) -> Match | None:
        """Return which benchmark a repository belongs to, by its name or by a commit in it."""
        for benchmark, problem, pattern in self._repositories:
            if pattern.fullmatch(name):
                return Match("benchmark-repository", benchmark, problem.repository, 0, name)
        for commit in re.findall(r"[0-9a-f]{40}", name):
            if commit in self._commits:
                return Match("benchmark-repository", *self._commits[commit], 0, name)
        return None

    def _whole(self, text: str) -> Match | None:
        for end, (benchmark, task, length) in self._texts.iter(squeezed(text)):
            place = _place(text, end + 1 - length)
            return _match("benchmark-text", benchmark, task, text, place)
        return None

    def _body(self, text: str) -> Match | None:
        if not len(self._bodies):
            return None
        for end, (benchmark, task, length) in self._bodies.iter(tokens(text)):
            start = tokens(text)[: end + 1 - length].count(" ")
            place = _token_place(text, start)
            return _match("benchmark-function", benchmark, task, text, place)
        return None

    def _run(self, text: str) -> Match | None:
        for benchmark, known in self._ngrams:
            found = known.first(text)
            if found is not None:
                run, problem = found
                task = benchmark.problems[problem].task_id
                place = _word_place(text, run)
                return _match("benchmark-ngram", benchmark.name, task, text, place)
        return None


class _Known:
    """Hashes of runs of words, and what each belongs to."""

    def __init__(self, texts: Sequence[tuple[str, int]], size: int) -> None:
        self._size = size
        hashes = [np.empty(0, dtype=np.uint64), *(_telling(text, size) for text, _ in texts)]
        owners = [np.empty(0, dtype=np.int64)]
        owners += [np.full(len(h), owner) for h, (_, owner) in zip(hashes[1:], texts, strict=True)]
        self.hashes, first = np.unique(np.concatenate(hashes), return_index=True)
        self._owners: NDArray[np.int64] = np.concatenate(owners)[first]

    def first(self, text: str) -> tuple[int, int] | None:
        """Return the number of the first run of a text that is known, and whose it is."""
        found = runs(text, self._size)
        (known,) = np.nonzero(np.isin(found, self.hashes))
        if not len(known):
            return None
        owner = self._owners[np.searchsorted(self.hashes, found[known[0]])]
        return int(known[0]), int(owner)


def squeezed(text: str) -> str:
    """Return a text without white space and case."""
    return "".join(text.split()).casefold()


def tokens(text: str) -> str:
    """Return the tokens of code, apart by spaces: no comments or docstrings, one kind of quote."""
    parts = Syntax.of("Python", text)
    code = parts.code if parts else text
    return f" {' '.join(_TOKEN.findall(code.replace(chr(39), chr(34))))} "


def _automaton(items: Iterable[tuple[str, str, str]]) -> ahocorasick.Automaton:
    found = ahocorasick.Automaton()
    for benchmark, task, text in items:
        found.add_word(text, (benchmark, task, len(text)))
    if len(found):
        found.make_automaton()
    return found


def _needles(benchmark: Benchmark) -> Iterator[tuple[str, str, str]]:
    for problem in benchmark.problems:
        prompt = squeezed(problem.prompt)
        pieces = [piece for piece in map(squeezed, problem.pieces) if len(piece) >= MIN_PIECE]
        wholes = [whole for whole in map(squeezed, problem.wholes) if len(whole) >= MIN_WHOLE]
        for text in (prompt, *pieces, *wholes):
            if text:
                yield benchmark.name, problem.task_id, text


def _functions(benchmark: Benchmark) -> Iterator[tuple[str, str, str]]:
    for problem in benchmark.problems:
        for body in map(tokens, _long(problem)):
            yield benchmark.name, problem.task_id, body


def _long(problem: Problem) -> list[str]:
    """Return the bodies of functions that are not anybody's."""
    return [body for body in problem.functions if tokens(body).count(" ") > MIN_TOKENS]


def _lines(body: str) -> list[tuple[int, int]]:
    """Return runs of words without which no file has a body: of its two lines with most names."""
    parts = Syntax.of("Python", body)
    best = sorted(parts.code_lines if parts else [], key=_names_in)[-2:]
    sizes = ((line, min(_PROBE, len(words(line)))) for line in best)
    return [(size, int(runs(line, size)[0])) for line, size in sizes if size]


def _names_in(line: str) -> int:
    return sum(not word.isdigit() for word in words(line))


def _tellings(benchmark: Benchmark) -> Iterator[tuple[str, int]]:
    for number, problem in enumerate(benchmark.problems):
        for text in (problem.prompt, *problem.pieces, *problem.patch):
            yield text, number


def _telling(text: str, size: int) -> Hashes:
    """Return the runs of words that give a problem away: at least half of them are no numbers.

    HumanEval's examples hold `1, 2, 3, 4, 5, 6`, and so does every other test file.
    """
    hashes = runs(text, size)
    if not len(hashes):
        return hashes
    named = np.array([not word.isdigit() for word in words(text)], dtype=np.int64)
    share = np.convolve(named, np.ones(size), "valid") / size
    return hashes[share >= 0.5]


def _names(repository: str) -> re.Pattern[str]:
    """Return how archives of a repository are called: owner/name, name-1.2, owner__name-COMMIT."""
    owner, _, name = repository.rpartition("/")
    apart = re.escape(owner) + r"(?:/|__?|-)" if owner else ""
    return re.compile(rf"(?:.*/)?(?:{apart})?{re.escape(name)}{_VERSION}", re.IGNORECASE)


def _match(rule: str, benchmark: str, task: str, text: str, place: int) -> Match:
    return Match(rule, benchmark, task, text.count("\n", 0, place) + 1, _excerpt(text, place))


def _excerpt(text: str, place: int) -> str:
    """Return what stands at a place, redacted as a shard is, since the ledger shows it."""
    clean = redaction.redact(text[place : place + LOOKED_AT], Redaction()).text
    return " ".join(clean[: 2 * EXCERPT].split())[:EXCERPT]


def _place(text: str, squeezed_place: int) -> int:
    """Return where in a text a place of its squeezed form is."""
    for place, letter in enumerate(text):
        if not letter.isspace():
            if squeezed_place <= 0:
                return place
            squeezed_place -= len(letter.casefold())
    return len(text)


def _word_place(text: str, number: int) -> int:
    """Return where the word of a number begins."""
    data = text.encode()
    for count, match in enumerate(_WORD.finditer(data)):
        if count == number:
            return len(data[: match.start()].decode("utf-8", "ignore"))
    return 0


def _token_place(text: str, number: int) -> int:
    """Return where the token of a number, comments aside, begins, or where its line does."""
    parts = Syntax.of("Python", text)
    found = list(_TOKEN.finditer(parts.code if parts else text))[number - 1 :][:1]
    line = (parts.code if parts else text)[found[0].start() :].partition("\n")[0] if found else ""
    return max(0, text.find(line))
