"""Advantages and losses are compared with TRL's own code, run on the same random tensors."""

import math
from collections import defaultdict
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
trl = pytest.importorskip("trl")

from trl import GRPOTrainer, RLOOTrainer  # noqa: E402
from trl.trainer.utils import nanstd  # noqa: E402

from pipeline_steps.rlef.objective import Objective, advantages, losses  # noqa: E402

ROLLOUTS, TOKENS, LONGEST = 12, 9, 16


def tensors(seed: int, drift: float):
    """Return old, new and starting log-probabilities, a ragged mask, and advantages."""
    random = torch.Generator().manual_seed(seed)
    old = -torch.rand(ROLLOUTS, TOKENS, generator=random) * 3
    new = old + drift * torch.randn(ROLLOUTS, TOKENS, generator=random)
    start = old + 0.1 * torch.randn(ROLLOUTS, TOKENS, generator=random)
    lengths = torch.randint(1, TOKENS + 1, (ROLLOUTS, 1), generator=random)
    mask = (torch.arange(TOKENS) < lengths).float()
    return old, new.requires_grad_(), start, mask, torch.randn(ROLLOUTS, generator=random)


def trl_loss(algorithm: str, objective: Objective, old, new, start, mask, advantage):
    """Return the loss of TRL's trainer, of which only what its `_compute_loss` reads is made."""
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *args, **named: (
            new,
            torch.zeros_like(new),
            None,
        ),
        accelerator=SimpleNamespace(
            gather=lambda tensor: tensor, reduce=lambda tensor, reduction: tensor, num_processes=1
        ),
        model=SimpleNamespace(training=True),
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False),
        _metrics={"train": defaultdict(list)},
        aux_loss_enabled=False,
        beta=objective.kl,
        current_gradient_accumulation_steps=1,
        epsilon_high=objective.clip_high,
        epsilon_low=objective.clip_low,
        importance_sampling_level="token",
        loss_type=algorithm,
        max_completion_length=objective.longest,
        off_policy_mask_threshold=None,
        top_entropy_quantile=1.0,
        use_vllm=False,
        _entropy_bonus_enabled=False,
    )
    ids = torch.zeros(ROLLOUTS, TOKENS, dtype=torch.long)
    inputs = {
        "prompt_ids": ids, "prompt_mask": ids, "completion_ids": ids, "completion_mask": mask,
        "advantages": advantage, "old_per_token_logps": old, "ref_per_token_logps": start,
        "old_logps": (old * mask).sum(1),
    }  # fmt: skip
    trainer_class = RLOOTrainer if algorithm == "rloo" else GRPOTrainer
    return trainer_class._compute_loss(trainer, None, inputs)


@pytest.mark.parametrize("drift", [0.0, 0.5], ids=["on-policy", "clipped"])
@pytest.mark.parametrize(
    ("algorithm", "kl"),
    [("grpo", 0.0), ("grpo", 0.1), ("dr_grpo", 0.0), ("dr_grpo", 0.1), ("rloo", 0.0)],
)
@pytest.mark.parametrize("seed", range(3))
def test_loss_and_gradient_equal_those_of_trl(algorithm, kl, drift, seed):
    objective = Objective(algorithm, clip_low=0.2, clip_high=0.28, kl=kl, longest=LONGEST)
    old, new, start, mask, advantage = tensors(seed, drift)
    theirs = trl_loss(algorithm, objective, old, new, start, mask, advantage)
    (their_gradient,) = torch.autograd.grad(theirs, new)
    ours = losses(new, old, mask, advantage, objective, start if kl else None).mean()
    (our_gradient,) = torch.autograd.grad(ours, new)
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert torch.allclose(our_gradient, their_gradient, atol=1e-6)


def test_rloo_adds_the_divergence_of_the_whole_sequence():
    objective = Objective("rloo", clip_low=0.2, clip_high=0.28, kl=0.1, longest=LONGEST)
    old, new, start, mask, advantage = tensors(0, 0.2)
    plain = losses(new, old, mask, advantage, objective)
    log_ratio = start - new
    k3 = ((log_ratio.exp() - log_ratio - 1) * mask).sum(1)
    assert torch.allclose(losses(new, old, mask, advantage, objective, start), plain + 0.1 * k3)


def test_padding_moves_nothing():
    objective = Objective("grpo", clip_low=0.2, clip_high=0.28, kl=0.1, longest=LONGEST)
    old, new, start, mask, advantage = tensors(0, 0.2)
    losses(new, old, mask, advantage, objective, start).sum().backward()
    assert (new.grad[mask == 0] == 0).all()
    assert (new.grad[mask == 1] != 0).any()


REWARDS = [[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, -0.2, 0.5], [1.0, 1.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("grpo", lambda group, r: (r - mean(group)) / (stdev(group) + 1e-4)),
        ("dr_grpo", lambda group, r: r - mean(group)),
        ("rloo", lambda group, r: r - (sum(group) - r) / (len(group) - 1)),
    ],
)
def test_advantages_are_the_papers_formulas(algorithm, expected):
    ours = advantages(torch.tensor(REWARDS), algorithm)
    theirs = torch.tensor([[expected(group, reward) for reward in group] for group in REWARDS])
    assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("algorithm", ["grpo", "dr_grpo", "rloo"])
def test_a_rollout_without_a_verdict_is_left_out_of_its_group(algorithm):
    with_error = torch.tensor([[1.0, math.nan, 0.0, 0.0]])
    without = torch.tensor([[1.0, 0.0, 0.0]])
    ours = advantages(with_error, algorithm)[0]
    assert ours[1] == 0
    assert torch.allclose(ours[[0, 2, 3]], advantages(without, algorithm)[0])


@pytest.mark.parametrize("algorithm", ["grpo", "dr_grpo", "rloo"])
@pytest.mark.parametrize(
    "rewards",
    [[math.nan] * 4, [1.0, math.nan, math.nan, math.nan], [0.3] * 4],
    ids=["no verdict", "one verdict", "all alike"],
)
def test_a_group_with_nothing_to_compare_has_no_advantage(algorithm, rewards):
    assert advantages(torch.tensor([rewards]), algorithm).abs().max() < 1e-6


def test_the_group_deviation_is_that_of_trl():
    rewards = torch.tensor([[1.0, math.nan, 0.0, 0.5], [1.0, 0.0, 0.0, 0.2]])
    ours = advantages(rewards, "grpo")
    theirs = (rewards - rewards.nanmean(1, keepdim=True)) / (nanstd(rewards, dim=1)[:, None] + 1e-4)
    assert torch.allclose(ours, theirs.nan_to_num(0.0))


def mean(values):
    return sum(values) / len(values)


def stdev(values):
    return math.sqrt(sum((value - mean(values)) ** 2 for value in values) / (len(values) - 1))
