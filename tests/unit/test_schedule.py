"""The learning rate by step, and how a step's sequences are dealt."""

import pytest

from oremill.specs.common import Optimizer
from pipeline_steps.pretrain.schedule import learning_rate, micro_batch

STEPS = (0, 4, 9, 10, 50, 79, 80, 90, 99)
EXPECTED = {
    "wsd": (0.1, 0.5, 1, 1, 1, 1, 1, 0.5, 0.05),
    "constant": (0.1, 0.5, 1, 1, 1, 1, 1, 1, 1),
    "linear": (0.1, 0.5, 1, 1, 50 / 90, 21 / 90, 20 / 90, 10 / 90, 1 / 90),
    "cosine": (0.1, 0.5, 1, 1, 0.586824, 0.128428, 0.116978, 0.030154, 0.000305),
}


@pytest.mark.parametrize("schedule", EXPECTED)
def test_the_rate_has_the_shape_of_its_schedule(schedule: str) -> None:
    optimizer = Optimizer.model_validate(
        {"peakLr": 1.0, "schedule": schedule, "warmupFraction": 0.1, "decayFraction": 0.2}
    )
    found = [learning_rate(step, 100, optimizer) for step in STEPS]
    assert found == pytest.approx(EXPECTED[schedule], abs=1e-6)


def test_without_warm_up_the_first_step_learns_at_the_peak() -> None:
    assert learning_rate(0, 10, Optimizer(peak_lr=0.5, warmup_fraction=0)) == 0.5


@pytest.mark.parametrize(
    ("sequences", "limit", "expected"), [(16, 16, 16), (16, 12, 8), (7, 4, 1), (12, 5, 4)]
)
def test_a_micro_batch_divides_the_sequences_of_a_rank(
    sequences: int, limit: int, expected: int
) -> None:
    assert micro_batch(sequences, limit) == expected
