"""What a step of rollouts looked like, in numbers and for people."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline_steps.evaluate.verdicts import Verdict
from pipeline_steps.rlef.objective import deviation
from pipeline_steps.rlef.rollouts import Rollout

ALIKE = 1e-6  # rewards closer than this teach nothing


def sums(rollouts: Sequence[Rollout], group: int) -> dict[str, float]:
    """Return the numbers of one rank's rollouts that add up over ranks."""
    paid = [one.reward for one in rollouts if not math.isnan(one.reward)]
    verdicts = Counter(one.judgement.verdict for one in rollouts)
    spread = deviation(torch.tensor([one.reward for one in rollouts]).view(-1, group))
    return {
        "rollouts": len(rollouts),
        "groups": len(spread),
        "alike": int((~(spread > ALIKE)).sum()),
        "judged": len(paid),
        "reward": sum(paid),
        "reward_squared": sum(value * value for value in paid),
        "tokens": sum(len(one.completion.ids) for one in rollouts),
        "stopped": sum(one.completion.stopped for one in rollouts),
        # the mean of -log p over drawn tokens is an unbiased estimate of the entropy
        "surprise": -sum(sum(one.completion.logprobs) for one in rollouts),
        **{verdict.value: verdicts[verdict] for verdict in Verdict},
    }


def metrics(total: dict[str, float]) -> dict[str, float]:
    """Return a step's metrics from its sums over all ranks."""
    judged = max(1.0, total["judged"])
    mean = total["reward"] / judged
    return {
        "reward_mean": mean,
        "reward_std": math.sqrt(max(0.0, total["reward_squared"] / judged - mean * mean)),
        "frac_reward_zero_std": total["alike"] / total["groups"],
        "pass_rate": total[Verdict.PASS] / judged,
        "syntax_rate": 1 - total[Verdict.COMPILE_ERROR] / judged,
        "judge_error_rate": total[Verdict.JUDGE_ERROR] / total["rollouts"],
        "entropy": total["surprise"] / max(1.0, total["tokens"]),
        "completion_tokens": total["tokens"] / total["rollouts"],
        "truncated_rate": 1 - total["stopped"] / total["rollouts"],
    }


def verdicts(total: dict[str, float]) -> dict[str, float]:
    """Return how often each verdict fell, from the sums over all ranks."""
    return {verdict.value: total[verdict] for verdict in Verdict}


def write_samples(path: Path, rollouts: Sequence[Rollout]) -> None:
    """Write rollouts as JSON Lines, to be read by people; hidden tests are not among it."""
    path.write_text("".join(json.dumps(_sample(one)) + "\n" for one in rollouts))


def _sample(one: Rollout) -> dict[str, Any]:
    return {
        "task_id": one.problem.task_id,
        "prompt": one.problem.prompt,
        "answer": one.completion.text,
        "verdict": one.judgement.verdict.value,
        "passed": one.judgement.passed,
        "total": one.judgement.total,
        "reward": None if math.isnan(one.reward) else one.reward,
    }
