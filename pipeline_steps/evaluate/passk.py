"""pass@k without bias, and how sure it is.

With n answers to a problem of which c pass, pass@k = 1 - C(n-c, k) / C(n, k): the chance that of k
answers drawn without replacement at least one passes (arXiv:2107.03374). The mean over problems is
the score; its interval comes from drawing problems, not answers, with replacement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95

Values = NDArray[np.float64]  # one a problem


@dataclass(frozen=True)
class Estimate:
    """A mean over problems and its bootstrap interval."""

    value: float
    low: float
    high: float


def pass_at_k(answers: int, passed: int, k: int) -> float:
    """Return pass@k of one problem, by the product that cannot overflow.

    Raises:
        ValueError: there are fewer than k answers.
    """
    if not 0 <= passed <= answers or k > answers:
        raise ValueError(f"pass@{k} of {passed} among {answers} answers")
    if answers - passed < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(answers - passed + 1, answers + 1)))


def estimate(values: Sequence[float] | Values, seed: int) -> Estimate:
    """Return the mean and its percentile bootstrap interval by problem.

    Raises:
        ValueError: there are no problems.
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        raise ValueError("no problem has enough answers")
    generator = np.random.default_rng(seed)
    means = [
        found[generator.integers(0, len(found), (500, len(found)))].mean(axis=1)
        for _ in range(RESAMPLES // 500)  # in parts, so that thousands of problems fit in memory
    ]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return Estimate(float(found.mean()), float(low), float(high))


def paired(first: dict[str, float], second: dict[str, float], seed: int) -> Estimate:
    """Return how much `second` is above `first`, over the problems (task ids) that both have."""
    shared = [task for task in first if task in second]
    return estimate([second[task] - first[task] for task in shared], seed)
