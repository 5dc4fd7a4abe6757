"""A sample is drawn by name, and tells of the whole input what is true."""

import random
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline_steps.corpus import estimate, partitions, sample
from pipeline_steps.corpus.estimate import Sampled
from pipeline_steps.corpus.meter import Cost
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.evaluate.steplang import MIT
from tests import corpus_runs
from tests.corpus_runs import Done, archive
from tests.minio_server import MinioServer

BUCKET = "corpus-sample"
REPOSITORIES = 24


def item(number: int, size: int = 1000, source: str = "s", part: str = "") -> Item:
    return Item(source, 0, f"r-{number}", "code", f"k-{number}", size, "e", part)


MANY = [item(number) for number in range(2000)]


@pytest.mark.parametrize("fraction", [0.01, 0.25, 0.9, 1.0])
def test_about_the_share_that_is_asked_for_is_drawn(fraction: float) -> None:
    drawn = len(sample.drawn(MANY, fraction, 0))
    deviation = (fraction * (1 - fraction) * len(MANY)) ** 0.5
    assert abs(drawn - fraction * len(MANY)) <= 4 * deviation


def test_a_larger_sample_holds_a_smaller_one_and_another_seed_draws_others() -> None:
    small, large = (set(sample.drawn(MANY, fraction, 0)) for fraction in (0.1, 0.3))
    assert small < large
    assert set(sample.drawn(MANY, 0.1, 1)) != small


def test_what_is_drawn_depends_on_no_other_item() -> None:
    other = [item(number, source="t") for number in range(2000)]
    both = sample.drawn(other + MANY, 0.3, 0)
    assert [one for one in both if one.source == "s"] == sample.drawn(MANY, 0.3, 0)


def test_the_parts_of_a_table_are_drawn_apart() -> None:
    parts = [item(1, part=f"{number}-{number}") for number in range(100)]
    assert 10 < len(sample.drawn(parts, 0.3, 0)) < 50


def test_a_sample_is_never_empty() -> None:
    (least,) = sample.drawn(MANY[:3], 1e-9, 0)
    assert least in sample.drawn(MANY[:3], 0.9, 0)
    assert sample.drawn([], 0.5, 0) == []


def drawn(seed: int, count: int = 3000) -> tuple[Sampled, dict[int, float], float]:
    """Return a sample of repositories, what is measured in it, and the truth about the whole."""
    chosen = random.Random(seed)
    items = [item(number, int(chosen.lognormvariate(11, 1.5))) for number in range(count)]
    cost = {one.repository: one.size * chosen.lognormvariate(0, 0.5) for one in items}
    sampled = Sampled(partitions.plan(sample.drawn(items, 0.1, seed)), items)
    measured = {
        one.number: sum(cost[each.repository] for each in one.items) for one in sampled.partitions
    }
    return sampled, measured, sum(cost.values())


def test_the_truth_is_nearly_always_in_the_interval() -> None:
    inside = 0
    for seed in range(200):
        sampled, measured, truth = drawn(seed)
        found = sampled.total(measured)
        assert found.low is not None and found.high is not None
        assert found.low <= found.estimate <= found.high < 3 * found.estimate
        inside += found.low <= truth <= found.high
    assert inside >= 178  # of 190; five standard deviations


def test_a_sample_that_is_the_whole_is_certain() -> None:
    sampled = Sampled(partitions.plan(MANY), MANY)
    found = sampled.total({one.number: 2.0 for one in sampled.partitions}, beside=3.0)
    wanted = 2.0 * len(sampled.partitions) + 3.0
    assert found == estimate.Range(*[pytest.approx(wanted)] * 3)


def test_one_group_tells_no_interval() -> None:
    sampled = Sampled(partitions.plan(MANY[:1]), MANY[:4])
    (group,) = sampled.partitions
    assert sampled.total({group.number: 5.0}) == estimate.Range(20.0)


def test_what_is_spent_between_the_passes_grows_with_the_input() -> None:
    sampled = Sampled(partitions.plan(MANY[:500]), MANY)
    costs = {one.number: Cost({"quality": 9.0}, {"quality": 50}) for one in sampled.partitions}
    told = estimate.counters(sampled, costs, Cost({"ledger": 18.0}, {"ledger": 0}), {})
    assert told["stages"]["ledger"]["cpuHours"]["estimate"] == pytest.approx(18 * 4 / 3600)
    assert told["cpuHours"]["estimate"] == pytest.approx((18 + 9 * len(costs)) * 4 / 3600)
    assert told["inputBytes"] == {"drawn": 500_000, "of": 2_000_000}
    assert told["items"] == {"drawn": 500, "of": 2000}
    shown = estimate.lines(told)
    assert shown[0].startswith("500 of 2000 items, 25.00% of their bytes")
    assert [line.split()[0] for line in shown[1:]] == ["stage", "quality", "ledger", "all"]


def program(seed: int) -> str:
    chosen = random.Random(seed)
    return "".join(
        f"def f{chosen.randrange(10**6)}(x):\n    return x + {n}\n"
        for n in range(chosen.randrange(60, 90))
    )


@pytest.fixture(scope="module")
def runs(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Done]:
    """Return a corpus of a sample, and that of the whole."""
    store, folder = minio.store(BUCKET), tmp_path_factory.mktemp("sample")
    for number in range(REPOSITORIES):
        files = {"LICENSE": MIT} | {f"m{n}.py": program(9 * number + n) for n in range(3)}
        (folder / "one").write_bytes(archive(f"r-{number}", files))
        store.upload(folder / "one", f"in/r-{number}.tar.gz")

    def run(name: str, **changes: Any) -> Done:
        spec = {"sources": [{"name": "demo", "archives": {"prefix": "in/"}}]} | changes
        return corpus_runs.carried_out(corpus_runs.places(minio, BUCKET, folder / name, name, spec))

    return run("sampled", sample={"fraction": 0.4}), run("whole")


def test_a_sampled_corpus_is_one_of_its_own_and_tells_of_the_whole(runs: tuple[Done, Done]) -> None:
    (_, part), (_, whole) = runs
    assert part.digest != whole.digest
    told = part.counters["estimate"]
    assert 3 < told["items"]["drawn"] < told["items"]["of"] == REPOSITORIES
    assert part.results["repositories"] == told["items"]["drawn"]
    assert part.results["estimatedBytes"] == pytest.approx(whole.results["bytes"], rel=0.1)
    assert part.results["estimatedFiles"] == pytest.approx(whole.results["files"], rel=0.1)
    assert float(part.results["estimatedCpuHours"]) > 0
    assert {"language", "quality", "redaction"} <= told["stages"].keys()
    assert "estimate" not in whole.counters and "estimatedBytes" not in whole.results


def test_the_files_of_a_sample_are_in_the_whole(runs: tuple[Done, Done]) -> None:
    part, whole = (ids(done) for done in runs)
    assert part < whole


def ids(done: Done) -> set[str]:
    ledger = pq.read_table(done[0].scratch / "corpus" / "ledger.parquet", columns=["id"])
    return set(ledger["id"].to_pylist())
