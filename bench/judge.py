"""Measure the judge on one machine, with a runner beside it: python -m bench.judge

Each execution is a fresh process that loads a program, makes eight calls and is judged; the bar is
200 a second on two cores. Prints, last, one BAR line a figure.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline_steps.evaluate import steplang
from pipeline_steps.evaluate.judge import Judge, Limits, Submission, Verdict
from pipeline_steps.sandbox.child import ROOT

LIMITS = Limits(wall_seconds=5.0, memory_bytes=256 * 2**20, output_bytes=65536)
BAR = 200.0  # executions a second


@contextmanager
def runner(folder: Path, workers: int) -> Iterator[tuple[str, str]]:
    """Start a runner on a free port; give its address and token."""
    token = secrets.token_hex(16)
    (folder / "token").write_text(token)
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}",
        "OREMILL_SANDBOX_TOKEN": str(folder / "token"),
        "OREMILL_SANDBOX_PORT": "0",
        "OREMILL_SANDBOX_WORKERS": str(workers),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "pipeline_steps.sandbox"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline().split()[-1])}", token
        process.terminate()


def measure(judge: Judge, count: int) -> float:
    """Return executions a second over `count` right answers."""
    problems = steplang.problems(0, count, "train")
    work = [Submission(item["solution"], item["entry_point"], item["tests"]) for item in problems]
    judge.many(work[:50])  # warm
    begun = time.perf_counter()
    judgements = judge.many(work)
    seconds = time.perf_counter() - begun
    wrong = [one for one in judgements if one.verdict is not Verdict.PASS]
    if wrong:
        raise SystemExit(f"{len(wrong)} right answers did not pass, such as {wrong[0]}")
    return count / seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Executions a second through runner and judge")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        runner(Path(folder), given.workers) as (url, token),
    ):
        judge = Judge(url, token, LIMITS, threads=2 * given.workers)
        rate = measure(judge, given.count)
        judge.close()
    print(f"BAR judge {rate:.0f} executions/s {BAR:.0f} {'ok' if rate >= BAR else 'short'}")


if __name__ == "__main__":
    main()
