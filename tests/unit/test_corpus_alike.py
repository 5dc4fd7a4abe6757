"""Files that share bands, in batches: the same copies are found whatever fits into memory."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline_steps.corpus import near, similar
from pipeline_steps.corpus.alike import Alike
from pipeline_steps.corpus.ledger import Ledger
from pipeline_steps.corpus.shingles import Hashes
from tests.unit.test_corpus_partitions import keys, studied

BANDS = 3
PARTS = 4
FILES = 400


def alike(folder: Path, bands: dict[int, dict[int, list[int]]]) -> Alike:
    """Enter files of partitions, of which each has keys of its bands."""
    ledger = Ledger(folder / "ledger", ("s0",), BANDS, 256 * 2**20, 1)
    for part, found in bands.items():
        rows = [(0, f"{part}-{row:04d}.py", f"{part}-{row}") for row in found]
        ledger.add_screened(part, keys(folder, rows))
        ledger.add_studied(part, studied(folder, found))
    return ledger.alike()


def test_groups_are_the_files_that_share_a_band(tmp_path: Path) -> None:
    found = alike(tmp_path, {1: {0: [1, 5, 9], 1: [2, 5, 8], 2: [1, 6, 7], 3: [4, 4, 4]}})
    assert found.documents.tolist() == [0, 1, 2]
    rows, documents = found.places()[1]
    assert (rows.tolist(), documents.tolist()) == ([0, 1, 2], [0, 1, 2])
    ((files, groups),) = found.batches(np.ones(3, dtype=np.int64), 100)
    members: dict[int, set[int]] = {}
    for file, group in zip(groups.files.tolist(), groups.group.tolist(), strict=True):
        members.setdefault(group, set()).add(int(files[file]))
    assert sorted(map(sorted, members.values())) == [[0, 1], [0, 2]]


def test_files_that_share_nothing_are_no_candidates(tmp_path: Path) -> None:
    found = alike(tmp_path, {1: {row: [row, row, row] for row in range(9)}})
    assert found.documents.tolist() == []
    assert found.places() == {}
    assert list(found.batches(np.empty(0, dtype=np.int64), 100)) == []


@pytest.mark.parametrize("links", [0, 1, 60, 400])
def test_clusters_are_what_is_joined_by_way_of_others(links: int) -> None:
    drawn = np.random.default_rng(links).integers(0, 200, (2, links))
    found = near.Clusters(200)
    for some in np.array_split(drawn, 3, axis=1):  # as it comes from a query
        found.join(*some)
    _, label = connected_components(coo_array((np.ones(links), drawn), shape=(200, 200)))
    first = {name: int(np.flatnonzero(label == name)[0]) for name in label}
    assert found.of(np.arange(200)).tolist() == [first[name] for name in label]
    assert found.members().tolist() == sorted(set(drawn.ravel().tolist()))


@pytest.mark.parametrize(
    ("clusters", "sizes", "found"),
    [
        ([], [], []),
        ([0, 0, 0], [4, 4, 4], [0, 0, 0]),
        ([0, 1, 0, 1], [3, 3, 3, 3], [0, 0, 0, 0]),
        ([0, 1, 2, 0], [6, 9, 1, 6], [0, 1, 2, 0]),
        ([0, 1, 0, 3], [5, 50, 5, 5], [0, 1, 0, 6]),
    ],
)
def test_clusters_stay_whole_in_batches(
    clusters: list[int], sizes: list[int], found: list[int]
) -> None:
    assert near.batches(np.array(clusters, dtype=np.int64), np.array(sizes), 10).tolist() == found


def families(seed: int) -> tuple[dict[int, dict[int, list[int]]], dict[int, dict[int, Hashes]]]:
    """Return bands and shingles of files by partition and row, many of them alike."""
    chosen = np.random.default_rng(seed)
    bands: dict[int, dict[int, list[int]]] = {part: {} for part in range(PARTS)}
    texts: dict[int, dict[int, Hashes]] = {part: {} for part in range(PARTS)}
    for number in range(FILES):
        part, family = number % PARTS, int(chosen.integers(0, FILES // 3))
        own = np.random.default_rng(family).integers(0, 2**63, 60, dtype=np.uint64)
        own[: chosen.integers(0, 20)] += np.uint64(chosen.integers(1, 99))
        row = len(texts[part])
        texts[part][row] = np.unique(own)
        bands[part][row] = [int(chosen.integers(0, 3)) + 9 * family for _ in range(BANDS)]
    return bands, texts


def written(folder: Path, found: list[Hashes]) -> Path:
    """Write shingles as `similar.cut` does."""
    folder.mkdir()
    with (folder / "shingles").open("wb") as out:
        for one in found:
            one.tofile(out)
        np.array([len(one) for one in found], dtype=np.int64).tofile(out)
    return folder / "shingles"


def copies(folder: Path) -> list[tuple[int, int, float]]:
    """Return (copy, of, similarity) of a corpus whose files are alike."""
    bands, texts = families(5)
    found = alike(folder, bands)
    parts = [
        (documents, written(folder / f"part-{part}", [texts[part][row] for row in rows.tolist()]))
        for part, (rows, documents) in found.places().items()
    ]
    shingles = similar.Shingles(found.documents, parts, folder)
    told = similar.copies(found, shingles, BANDS, 0.7)
    return sorted(
        (int(copy), int(of), float(likeness))
        for batch in told
        for copy, of, likeness in zip(*batch, strict=True)
    )


def test_copies_are_the_same_whatever_is_held_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "at-once").mkdir()
    at_once = copies(tmp_path / "at-once")
    assert len(at_once) > FILES // 10
    for held in (1, 2000, 10_000):  # 1: every cluster is larger, and its shingles are mapped
        monkeypatch.setattr(similar, "HELD", held)
        (tmp_path / f"{held}").mkdir()
        assert copies(tmp_path / f"{held}") == at_once
