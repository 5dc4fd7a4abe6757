"""The policy gradient: from rewards to advantages, from log-probabilities to a loss.

Three estimators, as their papers state them and as TRL computes them (the unit tests compare):

    grpo      A = (r - mean) / std      mean over a rollout's tokens       arXiv:2402.03300
    dr_grpo   A = r - mean              sum over tokens / longest answer   arXiv:2503.20783
    rloo      A = r - mean of others    ratio of whole sequences           arXiv:2402.14740

mean and std are over the group: the rollouts of one problem. A rollout without a verdict has the
reward NaN: it counts in no group's statistics and moves nothing.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Algorithm = Literal["grpo", "dr_grpo", "rloo"]
STD_FLOOR = 1e-4  # added to a group's standard deviation; TRL's figure


@dataclass(frozen=True)
class Objective:
    """What the loss needs besides tensors."""

    algorithm: Algorithm
    clip_low: float
    clip_high: float
    kl: float  # weight of the divergence from the starting model
    longest: int  # tokens an answer may have; dr_grpo's constant divisor


def advantages(rewards: Tensor, algorithm: Algorithm) -> Tensor:
    """Return the advantage of each rollout; 0 where there is no verdict or nobody to compare with.

    Args:
        rewards: [groups, rollouts], NaN without a verdict.
    """
    count = (~rewards.isnan()).sum(dim=1, keepdim=True)
    centred = rewards - rewards.nanmean(dim=1, keepdim=True)
    if algorithm == "grpo":
        return (centred / (deviation(rewards) + STD_FLOOR)).nan_to_num(0.0)
    if algorithm == "rloo":  # r - mean of the others = (r - mean) n / (n - 1)
        return torch.where(count > 1, centred * count / (count - 1), 0.0).nan_to_num(0.0)
    return centred.nan_to_num(0.0)


def deviation(rewards: Tensor) -> Tensor:
    """Return each group's sample standard deviation (n - 1), [groups, 1]; NaN for one rollout."""
    count = (~rewards.isnan()).sum(dim=1, keepdim=True)
    centred = rewards - rewards.nanmean(dim=1, keepdim=True)
    return (centred.square().nansum(dim=1, keepdim=True) / (count - 1)).sqrt()


def losses(
    new: Tensor,
    old: Tensor,
    mask: Tensor,
    advantage: Tensor,
    objective: Objective,
    reference: Tensor | None = None,
) -> Tensor:
    """Return the loss of each rollout; their mean over the whole batch is what is minimised.

    Args:
        new, old, reference: log-probabilities of the drawn tokens [rollouts, tokens], under the
            model that learns, the one that drew, and the starting model.
        mask: 1 for a token of the answer, 0 for padding.
        advantage: [rollouts].
    """
    log_ratio = (new - old) * mask
    if objective.algorithm == "rloo":
        log_ratio = log_ratio.sum(dim=1, keepdim=True)
    surrogate = clipped(log_ratio.exp(), advantage[:, None], objective)
    if objective.algorithm == "rloo":
        return -surrogate[:, 0] + objective.kl * _sum(divergence(new, reference), mask)
    tokens = _sum(-surrogate + objective.kl * divergence(new, reference), mask)
    return tokens / (
        mask.sum(1).clamp(min=1) if objective.algorithm == "grpo" else objective.longest
    )


def clipped(ratio: Tensor, advantage: Tensor, objective: Objective) -> Tensor:
    """Return PPO's pessimistic surrogate with its two bounds (arXiv:1707.06347, 2503.14476)."""
    bounded = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    return torch.min(ratio * advantage, bounded * advantage)


def divergence(new: Tensor, reference: Tensor | None) -> Tensor:
    """Return the k3 estimate of KL(new, reference) of each token; zeros without a reference."""
    if reference is None:
        return torch.zeros_like(new)
    log_ratio = reference - new
    return log_ratio.exp() - log_ratio - 1


def _sum(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum(dim=1)
