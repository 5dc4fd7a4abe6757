"""How a corpus is cut into partitions, and what the ledger says of its files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oremill.specs.corpus import OptOut
from pipeline_steps.corpus import partitions, screen, study, withheld
from pipeline_steps.corpus.contamination import Match
from pipeline_steps.corpus.ledger import Ledger
from pipeline_steps.corpus.optout import OptOuts
from pipeline_steps.corpus.partitions import FEWEST, TARGET, Item

BANDS = 3


def item(number: int, size: int = 100, source: str = "s", priority: int = 0) -> Item:
    return Item(
        source, priority, f"r-{number}", "code", f"in/r-{number}.zip", size, f"tag-{number}"
    )


def homes(items: list[Item]) -> dict[str, int]:
    return {one.key: part.number for part in partitions.plan(items) for one in part.items}


def test_every_item_is_in_one_partition_whatever_their_order() -> None:
    items = [item(number) for number in range(100)]
    found = partitions.plan(items)
    assert sorted(one.key for part in found for one in part.items) == sorted(
        one.key for one in items
    )
    assert partitions.plan(items[::-1]) == found
    assert len(found) == FEWEST


def test_a_repository_that_is_added_or_changed_touches_one_partition() -> None:
    before = [item(number) for number in range(100)]
    for after in ([*before, item(100)], [replace(before[0], etag="new"), *before[1:]]):
        touched = [
            new.number
            for old, new in zip(partitions.plan(before), partitions.plan(after), strict=True)
            if old.identity != new.identity
        ]
        assert len(touched) == 1


def test_a_source_in_front_leaves_the_partitions_of_others_as_they_are() -> None:
    before = [item(number) for number in range(100)]
    added = item(7, source="first")
    after = partitions.plan([added, *(replace(one, priority=1) for one in before)])
    pairs = zip(partitions.plan(before), after, strict=True)
    same = [new.identity == old.identity for old, new in pairs]
    assert (same.count(True), same.count(False)) == (FEWEST - 1, 1)


def test_sources_that_change_places_in_a_partition_change_it() -> None:
    number = next(n for n in range(99) if len(partitions.plan([item(n), item(n, source="t")])) == 1)
    orders = [
        partitions.plan(
            [item(number, priority=first), item(number, source="t", priority=1 - first)]
        )
        for first in (0, 1)
    ]
    assert orders[0][0].identity != orders[1][0].identity


def test_a_corpus_that_grows_splits_its_partitions_in_half() -> None:
    small = [item(number, TARGET // 2) for number in range(16)]
    large = [replace(one, size=2 * one.size) for one in small]
    count = partitions.number_of_partitions(sum(one.size for one in large))
    assert count == 2 * partitions.number_of_partitions(sum(one.size for one in small))
    after = homes(large)
    assert all(after[key] % (count // 2) == number for key, number in homes(small).items())


def test_items_of_a_partition_come_in_the_order_of_the_keep_rule() -> None:
    items = [item(number, priority=number % 2, source=f"s{number % 2}") for number in range(50)]
    for part in partitions.plan(items):
        order = [(one.priority, one.repository) for one in part.items]
        assert order == sorted(order)


def test_the_largest_partitions_are_begun_first() -> None:
    sizes = {4: [1, 1], 5: [90], 6: [50, 45], 7: [2]}
    planned = [
        partitions.Partition(number, tuple(item(at, size) for at, size in enumerate(given)))
        for number, given in sizes.items()
    ]
    assert partitions.largest_first(planned) == [6, 5, 4, 7]


def keys(folder: Path, rows: list[tuple[int, str, str]]) -> Path:
    """Write a keys part of (priority, path, sha256)."""
    found = [
        {
            "row": number,
            "source": f"s{priority}",
            "role": "code",
            "repository": "r",
            "path": path,
            "bytes": 10,
            "language": "Python",
            "licence": "MIT",
            "sha256": digest,
            "tags": "",
            "stage": "" if digest else "read",
            "reason": "" if digest else "binary",
            "value": "",
        }
        for number, (priority, path, digest) in enumerate(rows)
    ]
    pq.write_table(pa.Table.from_pylist(found, schema=screen.KEYS), folder / "keys.parquet")
    return folder / "keys.parquet"


def studied(folder: Path, bands: dict[int, list[int]]) -> Path:
    """Write a studied part of row -> keys of its bands."""
    found = [
        {"row": row, "stage": "", "reason": "", "value": ""}
        | {study.band(number): key for number, key in enumerate(found)}
        for row, found in bands.items()
    ]
    pq.write_table(pa.Table.from_pylist(found), folder / "studied.parquet")
    return folder / "studied.parquet"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger", ("s0", "s1"), BANDS, 256 * 2**20, 1)


def test_of_exact_copies_the_first_source_keeps_its_file(ledger: Ledger, tmp_path: Path) -> None:
    rows = [(1, "a.py", "x"), (0, "z.py", "x"), (1, "b.py", "y"), (0, "c.py", "")]
    ledger.add_screened(7, keys(tmp_path, rows))
    ledger.drop_copies()
    assert ledger.dropped() == {7: [0]}
    ledger.write(tmp_path / "out.parquet")
    fates = {row["path"]: row for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    assert (fates["a.py"]["stage"], fates["a.py"]["value"]) == ("exact-dedup", "1.000 s0/r/z.py")
    assert (fates["c.py"]["stage"], fates["c.py"]["reason"]) == ("read", "binary")
    assert fates["z.py"]["stage"] == fates["b.py"]["stage"] == ""
    assert [stage["filesOut"] for stage in ledger.funnel()] == [4, *[3] * 7, *[2] * 4]


def test_opt_outs_come_before_copies_and_before_any_other_reason(
    ledger: Ledger, tmp_path: Path
) -> None:
    rows = [(0, "a.py", "x"), (1, "b.py", "x"), (0, "c.pem", ""), (0, "d.py", "y")]
    ledger.add_screened(7, keys(tmp_path, rows))
    ledger.drop_opted_out(OptOuts(OptOut(paths=["*.pem"]), ["r:/a.py"]))
    ledger.drop_copies()
    assert ledger.dropped() == ledger.dropped("opt-out") == {7: [0]}
    ledger.write(tmp_path / "out.parquet")
    fates = {row["path"]: row for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    assert {path: (row["stage"], row["reason"]) for path, row in fates.items()} == {
        "a.py": ("opt-out", "part"),
        "b.py": ("", ""),
        "c.pem": ("opt-out", "path"),
        "d.py": ("", ""),
    }


def test_what_is_left_of_a_benchmarks_repository_is_dropped(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_screened(7, keys(tmp_path, [(0, "a.py", "x"), (0, "b.py", "")]))
    match = Match("benchmark-repository", "swe-bench", "o/r", 0, "r")
    ledger.drop_benchmarks({"r": match}.get)
    ledger.write(tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [(row["stage"], row["reason"]) for row in found] == [
        ("decontamination", "benchmark-repository"),
        ("read", "binary"),
    ]
    assert found[0]["value"] == match.value


@pytest.mark.parametrize("at_once", [1, 2, 2**16])
def test_as_many_rows_are_held_as_one_likes(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(withheld, "_AT_ONCE", at_once)
    ledger.add_screened(7, keys(tmp_path, [(0, f"{i}.py", f"{i}") for i in range(7)]))
    ledger.drop_opted_out(OptOuts(OptOut(paths=["[1-5].py"])))
    assert ledger.dropped() == {7: [1, 2, 3, 4, 5]}


def test_only_roles_that_are_repeated_ask_for_their_repositories(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.add_screened(7, keys(tmp_path, [(0, "a.py", "x")]))
    assert ledger.taken(0, {"code": 1.0}) == ledger.taken(0, {"text": 2.5}) == {}
    (roles, times), *others = ledger.taken(0, {"code": 2.0}).values()
    assert roles == ["code"] and not others
    assert times == ledger.taken(5, {"code": 2.0})[7][1] != ledger.taken(0, {"code": 3.0})[7][1]


def test_a_near_duplicate_names_the_kept_file(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_screened(1, keys(tmp_path, [(0, f"{name}.py", name) for name in "ab"]))
    ledger.add_studied(1, studied(tmp_path, {0: [1, 1, 1], 1: [1, 1, 1]}))
    ledger.alike()
    ledger.drop_near(np.array([1]), np.array([0]), np.array([0.8125]))
    ledger.write(tmp_path / "out.parquet")
    row = pq.read_table(tmp_path / "out.parquet").to_pylist()[1]
    assert (row["stage"], row["value"]) == ("near-dedup", "0.812 s0/r/a.py")
    left = {"files": 1, "bytes": 0, "repositories": 1, "dropped": 1, "dropped/near-dedup": 1}
    assert ledger.results() == left
