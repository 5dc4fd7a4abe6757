"""Packing: no chunk is lost, doubled or cut, and rows are full."""

import numpy as np
import pytest

from pipeline_steps.pretrain.packing import best_fit


def _random(capacity: int, count: int) -> list[int]:
    sizes = np.random.default_rng(0).lognormal(4, 1, count).astype(int)
    return np.clip(sizes, 1, capacity).tolist()


CASES = {
    "many lengths": (_random(256, 5000), 256),
    "short": (np.random.default_rng(1).integers(15, 75, 5000).tolist(), 256),
    "long rows": (_random(4096, 20_000), 4096),
    "all of one row": ([64] * 10, 64),
}


@pytest.mark.parametrize(("lengths", "capacity"), CASES.values(), ids=CASES.keys())
def test_rows_are_full_and_hold_every_chunk_once(lengths: list[int], capacity: int) -> None:
    rows = best_fit(lengths, capacity)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    used = [sum(lengths[index] for index in row) for row in rows]
    assert max(used) <= capacity
    assert sum(used) / (len(rows) * capacity) >= 0.99


def test_nothing_packs_into_no_rows() -> None:
    assert best_fit([], 8) == []


def test_documents_that_allow_no_better_get_a_row_each() -> None:
    assert len(best_fit([150] * 7, 256)) == 7
