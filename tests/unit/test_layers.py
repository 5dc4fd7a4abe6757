"""The folder operator/ must never shadow the standard library's module of that name."""

import operator
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_standard_librarys_operator_is_found() -> None:
    assert operator.itemgetter(0)([1]) == 1
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert not (ROOT / "tests" / "operator").exists()


def test_a_fresh_interpreter_in_the_checkout_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import collections, operator; operator.eq"], cwd=ROOT, check=False
    )
    assert done.returncode == 0


def test_the_layers_of_the_packages_are_kept() -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "lint-imports"),
            "--config",
            str(ROOT / "pyproject.toml"),
        ],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
