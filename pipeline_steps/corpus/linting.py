"""Which Python files hold what no interpreter accepts, by ruff: one process for hundreds of files.

The rules are those that flake8's own guide stops a build for. E9 is the syntax check, by ruff's
parser: Python 2 does not pass it. A line that its author excused (`# noqa`) is excused here.

Measured on one core, ruff 0.17: 49 MB/s of CPU. Of 20,938 released files (18,899 of
site-packages, 1,371 and 668 of /usr/lib/python3 and python3.11), E9, F63 and F7 refuse none. F82,
undefined names, refuses 80 (0.4 %), among them names that are put into
globals() and Python 2's on a path that is never taken. So it is off unless asked for.
"""

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ruff import find_ruff_bin

from pipeline_steps.corpus import meter
from pipeline_steps.errors import StepFailed

LANGUAGE = "Python"
_BROKEN = "invalid-syntax"  # in the place of a rule's code
# Newest syntax: an older target would refuse what it does not know yet.
_COMMAND = (
    "check", "--isolated", "--no-cache", "--exit-zero", "--no-respect-gitignore", "--quiet",
    "--no-force-exclude", "--output-format=json", "--target-version=py314",
    # Of our own folder's parents, whatever their names, none may be excluded.
    "--config=exclude=[]",
)  # fmt: skip


# How ruff ends by a file that is nested deeper than its stack, a hundred times as deep as Python
# takes it. The others of its folder are asked about again, without that one.
OVERWHELMED = (-signal.SIGABRT, -signal.SIGSEGV)


class _Overwhelmed(Exception):
    """A file was too much for ruff."""


class Finding(NamedTuple):
    """What ruff says of a file."""

    rule: str = ""  # the first that it breaks, "" for none
    parses: bool = True  # whether its syntax is that of some version of Python 3


def findings(
    texts: Sequence[str], rules: Sequence[str], stubs: Sequence[bool] = ()
) -> list[Finding]:
    """Return what each file breaks first, and whether it parses.

    Args:
        texts: Python files; a few hundred at once cost one start of ruff.
        rules: codes or prefixes of codes, such as E9; without any, whether a file parses is told.
        stubs: which texts are type stubs (.pyi), where names may be used before they are bound.
    """
    if not texts:
        return []
    try:
        return _asked(texts, rules, stubs)
    except _Overwhelmed:
        if len(texts) == 1:
            return [Finding(_BROKEN if "E9" in rules else "", parses=False)]
    half = len(texts) // 2
    return findings(texts[:half], rules, stubs[:half]) + findings(texts[half:], rules, stubs[half:])


def _asked(texts: Sequence[str], rules: Sequence[str], stubs: Sequence[bool]) -> list[Finding]:
    """Return what one process of ruff says of the files. Raises _Overwhelmed."""
    with TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            end = ".pyi" if number < len(stubs) and stubs[number] else ".py"
            with open(
                f"{folder}/{number:06d}{end}", "wb", buffering=0
            ) as file:  # a fifth of the time
                file.write(text.encode())
        return _findings(_check(folder, rules or ("E9",)), len(texts), rules)


def _check(folder: str, rules: Sequence[str]) -> str:
    """Run ruff on one thread: the pass that calls this runs on every core already."""
    done = subprocess.run(
        [find_ruff_bin(), *_COMMAND, f"--select={','.join(rules)}", folder],
        env=os.environ | {"RAYON_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    meter.programs("lint")
    if done.returncode in OVERWHELMED:
        raise _Overwhelmed
    if done.returncode:
        raise StepFailed(f"ruff failed with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _findings(report: str, count: int, rules: Sequence[str]) -> list[Finding]:
    """Read ruff's report, which names broken syntax whether or not E9 was asked for."""
    first = [(0, 0, "")] * count
    broken = set[int]()
    for found in json.loads(report):
        number, code = int(Path(found["filename"]).stem), found["code"]
        if code == _BROKEN:
            broken.add(number)
        if "E9" in rules if code == _BROKEN else code.startswith(tuple(rules)):
            here = (found["location"]["row"], found["location"]["column"], code)
            first[number] = min(first[number], here) if first[number][2] else here
    return [Finding(rule, number not in broken) for number, (_, _, rule) in enumerate(first)]
