"""Every second of a corpus is some stage's, and is counted once."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_steps.corpus import meter
from pipeline_steps.corpus.meter import Cost, Stopwatch
from pipeline_steps.corpus.parts import Parts, cost_of


def test_time_since_the_last_word_is_the_named_stages() -> None:
    times: Iterator[float] = iter([10.0, 11.0, 13.0, 20.0, 20.5])
    watch = Stopwatch(lambda: next(times))
    watch.lap("language", 100)
    watch.lap("quality", 90)
    watch.skip()
    watch.lap("language", 7)
    assert watch.cost == Cost({"language": 1.5, "quality": 2.0}, {"language": 107, "quality": 90})
    assert watch.cost.total == 3.5


def test_figures_are_read_as_they_were_written_and_come_in_order() -> None:
    cost = Cost({"quality": 0.25, "read": 1.5}, {"quality": 3, "read": 0})
    assert Cost.of(cost.json()) == cost
    assert cost.stages == ["read", "quality"]
    assert Cost.sum([cost, cost, Cost({"read": 1}, {"read": 5})]) == Cost(
        {"quality": 0.5, "read": 4.0}, {"quality": 6, "read": 5}
    )


def test_threads_have_stopwatches_of_their_own() -> None:
    def other() -> None:
        meter.lap("audit", 1)  # nobody measures here
        with meter.measured() as cost:
            meter.lap("order", 2)
        found.append(cost)

    found: list[Cost] = []
    with meter.measured() as own:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        meter.lap("read", 3)
    meter.lap("audit", 4)
    assert own.bytes == {"read": 3} and found[0].bytes == {"order": 2}


def test_what_a_program_cost_is_counted_once() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    with meter.measured() as cost:
        meter.programs("lint")  # what was started before
        before = cost.seconds["lint"]
        subprocess.run([sys.executable, "-c", burn], check=True)
        meter.programs("lint")
        once = cost.seconds["lint"]
        meter.programs("lint")
    assert once - before >= 0.3
    assert cost.seconds["lint"] == pytest.approx(once)


class Bucket:
    """Takes whatever is uploaded, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def upload(self, path: Path, key: str) -> str:
        self.keys.append(key)
        return ""


def test_a_part_has_its_cost_beside_it_before_it_counts_as_made(tmp_path: Path) -> None:
    def write(drafts: list[Path]) -> None:
        meter.lap("language", 12)
        for draft in drafts:
            draft.write_text("a")

    bucket: Any = Bucket()
    Parts(bucket, "w", tmp_path).make_again(["texts/1", "keys/1"], write)
    assert bucket.keys == [f"w/{cost_of('keys/1')}", "w/texts/1", "w/keys/1"]
    cost = Cost.of((tmp_path / cost_of("keys/1")).read_text())
    assert cost.bytes == {"language": 12, "parts": 0} and cost.total > 0
