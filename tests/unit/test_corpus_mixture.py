"""How often files of each role are taken, and that no worker decides it."""

import pytest

from oremill.specs.corpus import Mixture, Weights
from pipeline_steps.corpus.mixture import shares, times

CASES = [
    # sizes, weights as code/math/text, epochs → rates, shares reached
    ({"code": 600, "math": 100, "text": 300}, (60, 10, 30), 4, (1, 1, 1), (0.6, 0.1, 0.3)),
    ({"code": 600, "math": 50, "text": 3000}, (60, 10, 30), 4, (1, 2, 0.1), (0.6, 0.1, 0.3)),
    ({"code": 600, "math": 10, "text": 300}, (60, 10, 30), 4, (1, 4, 1), (0.638, 0.043, 0.319)),
    ({"code": 600, "text": 300}, (60, 10, 30), 4, (1, None, 1), (2 / 3, None, 1 / 3)),
    ({"math": 10, "text": 60}, (60, 10, 30), 4, (None, 2, 1), (None, 0.25, 0.75)),
    ({"code": 7}, (60, 10, 30), 4, (1, None, None), (1, None, None)),
    ({"code": 7, "text": 0}, (60, 10, 30), 4, (1, None, None), (1, None, None)),
    ({"code": 6, "text": 30}, (1, 0, 0), 4, (1, None, 0), (1, None, 0)),
    ({"code": 6, "text": 30}, (0, 0, 1), 4, (0, None, 1), (0, None, 1)),
    ({"code": 100, "text": 10}, (1, 0, 1), 1, (1, None, 1), (10 / 11, None, 1 / 11)),
    ({}, (60, 10, 30), 4, (None, None, None), (None, None, None)),
]


def test_a_mixture_that_is_off_takes_every_file_once() -> None:
    found = shares({"code": 1, "text": 99}, Mixture(enabled=False))
    assert {role: share.rate for role, share in found.items()} == {"code": 1, "text": 1}
    assert found["text"].reached == found["text"].wanted == 0.99 and not found["text"].note
    assert shares({}, Mixture(enabled=False)) == {}


@pytest.mark.parametrize(("sizes", "weights", "epochs", "rates", "reached"), CASES)
def test_rates_follow_from_sizes_weights_and_epochs(
    sizes: dict[str, int],
    weights: tuple[int, int, int],
    epochs: float,
    rates: tuple[float | None, ...],
    reached: tuple[float | None, ...],
) -> None:
    code, math, text = weights
    rules = Mixture(weights=Weights(code=code, math=math, text=text), max_epochs=epochs)
    found = shares(sizes, rules)
    for role, rate, share in zip(("code", "math", "text"), rates, reached, strict=True):
        assert (role in found) == (rate is not None)
        if role in found:
            assert found[role].rate == pytest.approx(rate)
            assert found[role].reached == pytest.approx(share, abs=0.001)


def test_a_share_that_is_out_of_reach_is_said_with_what_was_reached() -> None:
    found = shares({"code": 600, "math": 50, "text": 10}, Mixture())
    assert found["text"].note == (
        "text makes 5.4% of the corpus, not 30.0%: it would have to be repeated more than 4 times "
        "(maxEpochs)"
    )
    assert not found["code"].note and not found["math"].note


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0, 1.7, 2.0, 4.0])
def test_files_are_taken_as_often_as_the_rate_says_on_average(rate: float) -> None:
    taken = [times(0, f"file-{number}", rate) for number in range(20_000)]
    assert set(taken) <= {int(rate), int(rate) + 1}
    assert sum(taken) / len(taken) == pytest.approx(rate, abs=0.015)


def test_the_draw_is_the_seeds_and_the_files_alone() -> None:
    names = [f"file-{number}" for number in range(200)]
    drawn = {name: times(7, name, 0.5) for name in names}
    assert {name: times(7, name, 0.5) for name in reversed(names)} == drawn
    assert {name: times(8, name, 0.5) for name in names} != drawn


def test_a_higher_rate_takes_no_file_less_often() -> None:
    for name in map(str, range(500)):
        taken = [times(3, name, rate / 10) for rate in range(41)]
        assert taken == sorted(taken)
