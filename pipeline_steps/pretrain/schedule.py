"""The learning rate, and how a step's tokens are dealt to ranks: pure functions of the spec."""

import math

from oremill.specs.common import Optimizer


def learning_rate(step: int, total: int, optimizer: Optimizer) -> float:
    """Return the rate of a step, counted from 0, of `total`.

    It rises linearly in the warm-up and is at its peak in the warm-up's last step. Then it stays
    (constant), falls linearly or as half a cosine to zero, or, with wsd, stays and falls linearly
    to zero in the last `decay_fraction` of the steps (arXiv:2404.06395).
    """
    warmup = round(optimizer.warmup_fraction * total)
    if step < warmup:
        return optimizer.peak_lr * (step + 1) / warmup
    return optimizer.peak_lr * _shape(step, warmup, total, optimizer)


def _shape(step: int, warmup: int, total: int, optimizer: Optimizer) -> float:
    left = total - step  # at least 1, so that the last step still learns
    match optimizer.schedule:
        case "wsd":
            return min(1.0, left / max(1, round(optimizer.decay_fraction * total)))
        case "cosine":
            return (1 - math.cos(math.pi * left / (total - warmup))) / 2
        case "linear":
            return left / (total - warmup)
    return 1.0


def micro_batch(sequences: int, limit: int) -> int:
    """Return the largest number, at most `limit`, that divides a rank's `sequences`."""
    return max(size for size in range(1, min(sequences, limit) + 1) if sequences % size == 0)
