"""Measure the screens that judge one file, on one core: python -m bench.corpus_screens

The files are those of the Python environment that runs it: sources, headers, scripts, data and
documents. Prints, last, one BAR line a figure.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from oremill.specs.corpus import Quality
from pipeline_steps.corpus import contamination, languages, licences, notices, quality
from pipeline_steps.corpus.measured import File

SUFFIXES = frozenset(
    {".c", ".cpp", ".css", ".cuh", ".h", ".hpp", ".html", ".js", ".json", ".md", ".pl", ".py"}
    | {".pyi", ".rst", ".sh", ".toml", ".txt", ".yaml"}
)
LANGUAGE_BAR, QUALITY_BAR, LICENCE_BAR = 3_000.0, 15.0, 300.0  # files/s, MB/s, texts/s


def sample(count: int) -> list[tuple[str, str, bytes]]:
    """Return path, text and content of files, the same ones for the same environment."""
    root = Path(sys.prefix)
    paths = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    found = []
    for path in random.Random(0).sample(paths, min(count, len(paths))):
        content = path.read_bytes()
        if 0 < len(content) <= 1_000_000 and b"\0" not in content and content.strip():
            text = content.decode("utf-8", "replace")
            found.append((str(path.relative_to(root)), text, text.encode()))
    return found


def seconds(work: Callable[[], object]) -> float:
    """Return the processor's time for some work, the best of three: a core's, whoever else runs."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def bar(name: str, figure: float, unit: str, bound: float) -> str:
    """Return the line that says how a figure stands to its bound."""
    verdict = "ok" if figure >= bound else "short"
    return f"BAR {name} {figure:.0f} {unit} {bound:.0f} {verdict}"


def detection(files: Sequence[tuple[str, str, bytes]]) -> list[str]:
    """Measure what go-enry answers: language; vendored, generated, minified."""
    spent = seconds(lambda: [languages.language(path, data) for path, _, data in files])
    origin = seconds(
        lambda: [
            languages.is_vendored(path)
            or languages.is_minified(path, data)
            or languages.is_generated(path, data)
            for path, _, data in files
        ]
    )
    return [
        bar("screen-language", len(files) / spent, "files/s", LANGUAGE_BAR),
        bar("screen-origin", len(files) / origin, "files/s", LANGUAGE_BAR),
    ]


def judged(files: Sequence[tuple[str, str, bytes]]) -> list[str]:
    """Measure the rules of the default preset, and show those of the dearest."""
    size = sum(len(data) for _, _, data in files) / 1e6
    named = [(path, text, data, languages.language(path, data)) for path, text, data in files]

    def work(rules: Quality) -> None:
        for path, text, data, language in named:
            quality.judge(File(path, text, data, language), rules)

    default, dear = Quality(), Quality(preset="opencoder")
    work(dear)  # compiles
    print(f"quality, preset opencoder: {size / seconds(lambda: work(dear)):.1f} MB/s")
    return [bar("screen-quality", size / seconds(lambda: work(default)), "MB/s", QUALITY_BAR)]


def licensed(files: Sequence[tuple[str, str, bytes]]) -> list[str]:
    """Measure licence texts, each new to the cache, and the look at every file's own header."""
    root = Path(sys.prefix)
    texts = {
        path.read_bytes().decode("utf-8", "replace")[:20_000]
        for path in root.rglob("*.dist-info/**/*")
        if licences.is_licence_file(path.name) and path.is_file()
    }

    def texts_work() -> None:
        notices.identified.cache_clear()
        for text in sorted(texts):
            notices.identified(text, notices.MIN_COVERAGE)

    def headers() -> None:
        for _, text, _ in files:
            notices.own_licence(text)

    notices.identified("", 0.0)  # loads the library's texts
    rate = len(files) / seconds(headers)
    return [
        bar("screen-licence-texts", len(texts) / seconds(texts_work), "texts/s", LICENCE_BAR),
        bar("screen-licence-headers", rate, "files/s", LANGUAGE_BAR),
    ]


def searched(files: Sequence[tuple[str, str, bytes]]) -> list[str]:
    """Measure the search for HumanEval by all its rules."""
    size = sum(len(data) for _, _, data in files) / 1e6
    index = contamination.Index([contamination.humaneval(10)])
    index.find("a")  # compiles
    spent = seconds(lambda: [index.find(text) for _, text, _ in files])
    return [bar("screen-contamination", size / spent, "MB/s", QUALITY_BAR)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Files and bytes a second through the screens")
    parser.add_argument("--count", type=int, default=2000)
    files = sample(parser.parse_args().count)
    print(f"{len(files)} files, {sum(len(data) for _, _, data in files) / 1e6:.1f} MB")
    lines = [*detection(files), *judged(files), *licensed(files), *searched(files)]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
