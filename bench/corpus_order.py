"""Measure order and screening of a repository on one core: python -m bench.corpus_order

Drawn repositories of 10,000 files, one a language and one of them all, are read and ordered; so is
one that is a single circle. The parser and the linter read the interpreter's own library, whose
files are known to be good. Prints, last, one BAR line a figure.
"""

import os
import random
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from oremill.specs.corpus import Lint, Parse
from pipeline_steps.corpus import linting, parsing
from pipeline_steps.corpus.graphs import _components, sequence
from pipeline_steps.corpus.imports import links
from pipeline_steps.corpus.order import arrange, by_path
from pipeline_steps.corpus.repository import File
from pipeline_steps.corpus.resolve import graph

FILES, NEEDS, BYTES = 10_000, 15, 6_000
# Language → end of a file's name, and how module c of a.b is imported.
FORMS = {
    "Python": ("{}.py", "from {0}.{1} import {2}"),
    "TypeScript": ("{}/index.ts", "import x from '../../../{0}/{1}/{2}';"),
    "Java": ("{}.java", "import {0}.{1}.{2};"),
    "Go": ("{}/{}.go", 'import "m/{0}/{1}/{2}"'),
    "Rust": ("{}/mod.rs", "use crate::{0}::{1}::{2}::T;"),
    "C": ("{}.c", '#include "{0}/{1}/{2}.c"'),
    "C#": ("{}.cs", "using {0}.{1}.{2};"),
}
PLACES = {"Rust": "src/", "Java": "main/java/", "Python": "src/"}
MANIFESTS = {"Go": ("go.mod", "module m\n"), "Rust": ("Cargo.toml", '[package]\nname = "m"\n')}
Text = tuple[str, str, str]  # path, language, content


def drawn(language: str, count: int, circles: bool) -> list[Text]:
    """Draw a repository; without circles a module needs earlier ones only."""
    rng = random.Random(0)
    names = [(f"p{n // 500}", f"q{n // 20}", f"m{n}") for n in range(count)]
    found = [(path, "", text) for path, text in [MANIFESTS.get(language, ("README.md", "a\n"))]]
    for number, name in enumerate(names):
        end, form = FORMS[language]
        pool = names if circles else names[:number]
        needed = rng.sample(pool, min(len(pool), NEEDS))
        head = f"namespace {'.'.join(name)};\n" if language == "C#" else ""
        lines = "\n".join(form.format(*need) for need in needed)
        body = "\n" + "some_call(with_words, of_code)\n" * (BYTES // 31)
        path = PLACES.get(language, "") + "/".join(name[:2]) + "/" + end.format(name[2], name[2])
        found.append((path, language, head + lines + body))
    return found


def ordered(texts: Sequence[Text]) -> float:
    """Return the seconds to read the imports of a repository and to order it."""
    random.Random(1).shuffle(texts := list(texts))
    start = time.process_time()
    files = [File(path, name, links(path, name, text), len(text)) for path, name, text in texts]
    arrange(files)
    return time.process_time() - start


def misplaced(texts: Sequence[Text]) -> tuple[int, int]:
    """Return how many edges there are, and how many outside circles lead to a later file."""
    files = [File(path, name, links(path, name, text)) for path, name, text in texts]
    needs = graph([files[place] for place in by_path(files)])
    circle, place = _components(needs), {n: p for p, n in enumerate(sequence(needs))}
    edges = [(user, need) for user, wanted in enumerate(needs) for need in wanted]
    late = sum(place[need] > place[user] and circle[need] != circle[user] for user, need in edges)
    return len(edges), late


def library() -> list[str]:
    """Return the interpreter's own sources, without its tests, some of which are broken by plan."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    skipped = {"test", "tests", "lib2to3", "site-packages", "dist-packages"}
    paths = (p for p in sorted(folder.rglob("*.py")) if not skipped.intersection(p.parts))
    return [path.read_bytes().decode("utf-8", "replace") for path in paths]


def bar(name: str, figure: float, unit: str, bound: float, least: bool) -> bool:
    """Print a figure beside its bound; return whether it is kept."""
    kept = figure >= bound if least else figure <= bound
    print(f"BAR {name} {figure:.2f} {unit} {bound:g} {'ok' if kept else 'short'}")
    return kept


def pace(work: Callable[[], object], size: int) -> float:
    """Return megabytes a second of one core, children included."""
    start = sum(os.times()[:4])
    work()
    return size / 1e6 / (sum(os.times()[:4]) - start)


def main() -> int:
    """Measure, print, and return whether a figure is short."""
    kept = []
    for name in FORMS:
        texts = drawn(name, FILES, circles=False)
        edges, late = misplaced(texts)
        kept += [
            bar(f"order-{name}", ordered(texts), "s", 5, least=False),
            bar(f"order-{name}-edges", edges, "edges", FILES * NEEDS * 0.99, least=True),
            bar(f"order-{name}-misplaced", late, "edges", 0, least=False),
        ]
    mixed = [file for name in FORMS for file in drawn(name, FILES // len(FORMS), circles=False)]
    kept.append(bar("order-mixed", ordered(mixed), "s", 5, least=False))
    kept.append(bar("order-circle", ordered(drawn("Python", FILES, True)), "s", 5, least=False))
    kept += screened(library())
    return 0 if all(kept) else 1


def screened(texts: list[str]) -> list[bool]:
    """Measure the parser and the linter on files that are known to be good."""
    size, shares, rules = sum(map(len, texts)), list[float](), list[str]()
    parse = pace(lambda: shares.extend(parsing.errors(text, "Python") or 0 for text in texts), size)
    lint = pace(
        lambda: rules.extend(one.rule for one in linting.findings(texts, Lint().rules)), size
    )
    refused = sum(share > Parse().max_error_share for share in shares) / len(texts)
    return [
        bar("parse", parse, "MB/s", 3, least=True),
        bar("parse-false-drops", 100 * refused, "%", 0.2, least=False),
        bar("lint", lint, "MB/s", 15, least=True),
        bar("lint-false-drops", 100 * sum(map(bool, rules)) / len(texts), "%", 0.2, least=False),
    ]


if __name__ == "__main__":
    sys.exit(main())
