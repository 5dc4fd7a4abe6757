"""Fill-in-the-middle: pure, invertible, and never without a middle."""

import numpy as np
import pytest

from pipeline_steps.pretrain import fim

MARKS = fim.Marks(prefix=2, middle=3, suffix=4)


@pytest.mark.parametrize("spm_rate", [0.0, 1.0], ids=["psm", "spm"])
@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_every_transformed_chunk_inverts_to_its_source(length: int, spm_rate: float) -> None:
    tokens = np.arange(100, 100 + length)
    for document in range(200):
        at = fim.cut(fim.draw(0, 0, document, 0), length, spm_rate)
        changed = fim.transformed(tokens, at, MARKS)
        assert len(changed) == length + fim.MARKS
        assert fim.restored(changed, MARKS).tolist() == tokens.tolist()


def test_a_middle_is_never_empty_and_every_cut_happens() -> None:
    cuts = {
        (at.first, at.last)
        for document in range(2000)
        for at in [fim.cut(fim.draw(1, 0, document, 0), 4, 0.5)]
    }
    assert cuts == {(first, last) for last in range(5) for first in range(last)}


def test_the_orders_are_those_of_the_paper() -> None:
    tokens = np.array([10, 11, 12, 13])
    psm = fim.transformed(tokens, fim.Cut(1, 3, spm=False), MARKS)
    spm = fim.transformed(tokens, fim.Cut(1, 3, spm=True), MARKS)
    assert psm.tolist() == [2, 10, 4, 13, 3, 11, 12]
    assert spm.tolist() == [2, 4, 13, 3, 10, 11, 12]


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_the_share_of_transformed_chunks_is_the_rate(rate: float) -> None:
    chosen = [fim.is_chosen(fim.draw(0, 0, document, 0), rate) for document in range(10_000)]
    assert np.mean(chosen) == pytest.approx(rate, abs=0.02)


def test_a_draw_depends_on_each_of_its_four_arguments() -> None:
    draws = {fim.draw(*(int(place == one) for place in range(4))) for one in range(5)}
    assert len(draws) == 5
