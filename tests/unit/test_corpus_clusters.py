"""What deduplication found is counted from the ledger, and examples of drops are drawn from it."""

from collections.abc import Iterator

import duckdb
import pytest

from pipeline_steps.corpus import clusters, samples

# repository, path, bytes, stage, value: two clusters, one of them with a copy of a near-duplicate
FILES = [
    ("a", "first.py", 100, "", ""),
    ("a", "copy.py", 100, "exact-dedup", "1.000 s/a/first.py"),
    ("b", "near.py", 90, "near-dedup", "0.849 s/a/first.py"),
    ("b", "copy of near.py", 90, "exact-dedup", "1.000 s/b/near.py"),
    ("c", "alone.py", 50, "", ""),
    ("c", "alone 2.py", 50, "near-dedup", "1.000 s/c/alone.py"),
    ("d", "x.bin", 7, "read", ""),
]


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        made.execute(
            "CREATE TABLE fates (source TEXT, repository TEXT, path TEXT, bytes BIGINT,"
            " sha256 TEXT, stage TEXT, reason TEXT, value TEXT)"
        )
        for repository, path, size, stage, value in FILES:
            row = ("s", repository, path, size, path, stage, f"by-{stage}", value)
            made.execute("INSERT INTO fates VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        yield made


def test_copies_are_counted_by_stage_and_by_whether_they_are_of_their_own_repository(
    db: duckdb.DuckDBPyConnection,
) -> None:
    assert clusters.kinds(db) == [
        {"stage": "exact-dedup", "files": 2, "bytes": 190, "inside": 2},
        {"stage": "near-dedup", "files": 2, "bytes": 140, "inside": 1},
    ]


def test_a_copy_of_a_near_duplicate_is_of_the_kept_files_cluster(
    db: duckdb.DuckDBPyConnection,
) -> None:
    assert clusters.largest(db, 9) == [
        {"first": "s/a/first.py", "copies": 3, "bytes": 280},
        {"first": "s/c/alone.py", "copies": 1, "bytes": 50},
    ]
    assert clusters.largest(db, 1) == clusters.largest(db, 9)[:1]


def test_clusters_are_counted_by_sizes_that_double(db: duckdb.DuckDBPyConnection) -> None:
    assert clusters.sizes(db) == [
        {"most": 2, "clusters": 1, "files": 1, "bytes": 50},
        {"most": 4, "clusters": 1, "files": 3, "bytes": 280},
    ]


def test_the_likeness_of_near_duplicates_is_counted_by_twentieths(
    db: duckdb.DuckDBPyConnection,
) -> None:
    found = [(one["twentieth"], one["files"]) for one in clusters.similarities(db)]
    assert found == [(16, 1), (19, 1)]


@pytest.mark.parametrize(("copies", "most"), [(1, 2), (2, 4), (3, 4), (4, 8), (7, 8), (8, 16)])
def test_a_cluster_is_counted_where_its_size_is(
    db: duckdb.DuckDBPyConnection, copies: int, most: int
) -> None:
    db.execute("DELETE FROM fates WHERE stage <> ''")
    for number in range(copies):
        row = ("s", "a", f"{number}.py", 1, "", "exact-dedup", "copy", "1.000 s/a/first.py")
        db.execute("INSERT INTO fates VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    assert [one["most"] for one in clusters.sizes(db)] == [most]


def test_reasons_come_in_the_order_of_the_stages_with_a_few_examples(
    db: duckdb.DuckDBPyConnection,
) -> None:
    found = samples.dropped(db, 1)
    assert [(one.stage, one.files, one.bytes) for one in found] == [
        ("read", 1, 7),
        ("exact-dedup", 2, 190),
        ("near-dedup", 2, 140),
    ]
    assert [len(one.examples) for one in found] == [1, 1, 1]
    assert found[0].examples == [{"place": "s/d/x.bin", "value": "", "bytes": 7}]


def test_examples_are_the_same_whatever_the_order_of_the_rows(
    db: duckdb.DuckDBPyConnection,
) -> None:
    before = samples.dropped(db, 1)
    db.execute("CREATE TABLE other AS SELECT * FROM fates ORDER BY path DESC")
    db.execute("DROP TABLE fates")
    db.execute("ALTER TABLE other RENAME TO fates")
    assert samples.dropped(db, 1) == before


def test_a_source_says_what_was_read_and_what_is_left(db: duckdb.DuckDBPyConnection) -> None:
    assert samples.sources(db) == [("s", 7, 487, 2, 150)]
