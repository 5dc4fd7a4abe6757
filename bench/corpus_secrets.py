"""Measure what keeps secrets, people, malware and insecure code out: python -m bench.corpus_secrets

Planted truth is tests/planted.py's; real code is what is installed in this environment. Its files
are public, so every secret found in them counts as a false one. betterleaks is compared with where
it is installed, ruff's S rules for Python always. Speeds are those of one core (CPU time). Prints,
last, one BAR line a figure.
"""

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from oremill.specs.corpus import Redaction
from pipeline_steps.corpus import audit, credentials, insecure, malware
from pipeline_steps.corpus.redaction import redact
from tests import planted

LANGUAGES = {
    ".py": "Python", ".js": "JavaScript", ".c": "C", ".h": "C++", ".hpp": "C++", ".cpp": "C++",
    ".cuh": "C++", ".ts": "TypeScript", ".pyi": "Python",
}  # fmt: skip
OTHERS = (".json", ".toml", ".yaml", ".yml", ".cfg", ".sh", ".md", ".txt", ".css", ".html")
# Rules of ruff that say what some rule of ours says. S608 is none: it takes prose for SQL.
SHARED = ("S301", "S302", "S306", "S307", "S323", "S324", "S501", "S506", "S602", "S605")


def sources(limit: int) -> list[tuple[str, str]]:
    """Return path and text of installed files, drawn at random, up to `limit` characters."""
    root = Path(sysconfig.get_paths()["purelib"])
    kinds = {*LANGUAGES, *OTHERS}
    paths = sorted(path for path in root.rglob("*") if path.suffix in kinds and path.is_file())
    Random(1).shuffle(paths)
    found: list[tuple[str, str]] = []
    for path in paths:
        if limit <= 0:
            break
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if 0 < len(text) < 1_000_000:
            found.append((str(path.relative_to(root)), text))
            limit -= len(text)
    return found


def size(texts: list[str]) -> float:
    """Return megabytes."""
    return sum(len(text.encode()) for text in texts) / 1e6


def pace(work: Callable[[str], object], texts: list[str]) -> float:
    """Return megabytes a second of CPU."""
    work(texts[0])
    begun = time.process_time()
    for text in texts:
        work(text)
    return size(texts) / (time.process_time() - begun)


def recall(find: Callable[[str], list[str]], count: int) -> float:
    """Return the share of planted secrets that are found."""
    kinds = [*planted.ISSUED, *planted.NAMED]
    pairs = [pair for kind in kinds for pair in planted.secrets(kind, count)]
    return sum(planted.is_covered(secret, find(text)) for text, secret in pairs) / len(pairs)


def false_rate(find: Callable[[str], list[str]], texts: list[str]) -> float:
    """Return the share of texts, in percent, in which anything is found."""
    return 100 * sum(bool(find(text)) for text in texts) / len(texts)


def own(text: str) -> list[str]:
    return [text[one.start : one.end] for one in credentials.spans(text)]


def compare_with_betterleaks(count: int, benign: list[str], texts: list[str]) -> None:
    """Print the same figures of betterleaks, if it is installed."""
    if not importlib.util.find_spec("betterleaks"):
        print("betterleaks is not installed: not compared")
        return
    from betterleaks import scan_string

    def find(text: str) -> list[str]:
        return [one.secret for one in scan_string(text)]

    print(
        f"betterleaks: recall {recall(find, count):.3f}, false {false_rate(find, benign):.1f} % of "
        f"look-alikes, {pace(find, texts[:200]):.1f} MB/s"
    )


def with_ruff(texts: list[str]) -> tuple[float, float]:
    """Return ruff's pace, and the share of files that its SHARED rules name and we name too."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"{number}.py").write_text(text)
        ruff = Path(sys.executable).parent / "ruff"
        options = ["--select", "S", "--isolated", "--no-cache", "--output-format", "json"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([ruff, "check", *options, folder], capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = [one for one in json.loads(done.stdout) if one["code"] in SHARED]
    files = {int(Path(one["filename"]).stem) for one in said}
    ours = sum(bool(insecure.find(texts[number], "Python")) for number in files)
    return size(texts) / seconds, ours / max(1, len(files))


def bar(name: str, figure: float, unit: str, bound: float, least: bool = True) -> None:
    """Print a BAR line; the bound is the least figure that is good, or the most."""
    fine = figure >= bound if least else figure <= bound
    sign = ">=" if least else "<="
    print(f"BAR {name} {figure:.3f} {unit} {sign}{bound:g} {'ok' if fine else 'short'}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=60, help="of installed sources to read")
    parser.add_argument("--count", type=int, default=50, help="secrets planted of each kind")
    asked = parser.parse_args()
    files = sources(asked.megabytes * 1_000_000)
    texts = [text for _, text in files]
    spoken = [(text, LANGUAGES.get(Path(path).suffix, "")) for path, text in files]
    python = [text for text, language in spoken if language == "Python"]
    benign = [text for kind in planted.BENIGN for text in planted.benign(kind, asked.count)]
    print(f"{len(files)} installed files, {size(texts):.1f} MB, {len(python)} of them Python")
    compare_with_betterleaks(asked.count, benign, texts)
    ruff_pace, agreed = with_ruff(python)
    own_pace = pace(lambda text: insecure.find(text, "Python"), python)
    print(f"ruff --select S: {ruff_pace:.1f} MB/s; ours: {own_pace:.1f} MB/s")
    high = sum(any(one.severity == "high" for one in insecure.find(*pair)) for pair in spoken)
    left = audit.residue([redact(text, Redaction()).text for text in texts], Redaction())
    print(f"second detector: {left.statement()} {left.kinds}")
    bar("secrets-kinds", len(planted.ISSUED) + len(planted.NAMED), "kinds", 40)
    bar("secrets-recall", recall(own, asked.count), "share", 0.95)
    bar("secrets-false-lookalikes", false_rate(own, benign), "percent", 2, least=False)
    bar("secrets-false-real-files", false_rate(own, texts), "percent", 2, least=False)
    bar("secrets-pace", pace(own, texts), "MB/s", 15)
    bar("redaction-pace", pace(lambda text: redact(text, Redaction()), texts), "MB/s", 15)
    bar("redaction-residue-bound", 100 * left.bound, "percent", 1, least=False)
    bar("malware-false-real-files", false_rate(lambda text: [*malware.find(text)], texts),
        "percent", 0.1, least=False)  # fmt: skip
    bar("malware-pace", pace(malware.find, texts), "MB/s", 100)
    bar("insecure-python-pace", own_pace, "MB/s", 20)
    bar("insecure-python-against-ruff", own_pace / ruff_pace, "times", 1)
    bar("insecure-python-agrees-with-ruff", agreed, "share", 0.9)
    bar("insecure-high-files", 100 * high / len(files), "percent", 1.3, least=False)


if __name__ == "__main__":
    main()
