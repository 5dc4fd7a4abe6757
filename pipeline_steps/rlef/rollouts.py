"""From problems to judged rollouts: ask, draw, take the code out of the answer, judge it.

Rollouts of one problem with the same code are judged once: a trained model repeats itself, and an
execution costs more than a lookup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from oremill.specs.rlef import Reward, RLEFJobSpec
from pipeline_steps.evaluate.extract import program
from pipeline_steps.evaluate.judge import Judgement
from pipeline_steps.rlef.problems import Problem
from pipeline_steps.rlef.rewards import Judging, reward_of
from pipeline_steps.sampler import Completion, sample
from pipeline_steps.sentinels import IM_END


@dataclass(frozen=True)
class Rollout:
    """One answer to one problem, with what the judge made of it."""

    problem: Problem
    prompt: list[int]  # token ids
    completion: Completion
    code: str
    judgement: Judgement
    reward: float  # NaN when the judging failed


def batch(problems: Sequence[Problem], step: int, spec: RLEFJobSpec) -> list[Problem]:
    """Return the problems of a step: a new order each epoch, a function of seed and step alone."""
    first = step * spec.prompts_per_step
    places = [divmod(place, len(problems)) for place in range(first, first + spec.prompts_per_step)]
    orders = {epoch: _order(len(problems), spec.seed, epoch) for epoch, _ in places}
    return [problems[orders[epoch][place]] for epoch, place in places]


def _order(count: int, seed: int, epoch: int) -> list[int]:
    return Random(f"rlef/{seed}/{epoch}").sample(range(count), count)


def question(tokenizer: Any, problem: Problem) -> list[int]:
    """Return the token ids of a chat that asks the problem and waits for the answer."""
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": problem.prompt}], add_generation_prompt=True, return_dict=False
    )
    return list(asked)


def draw(
    model: Any, tokenizer: Any, prompts: Sequence[list[int]], spec: RLEFJobSpec, seed: int
) -> list[Completion]:
    """Return `groupSize` answers to each prompt, one group after the other."""
    return sample(
        model,
        tokenizer,
        [prompt for prompt in prompts for _ in range(spec.group_size)],
        spec.sampling.max_new_tokens,
        spec.sampling.temperature,
        spec.sampling.top_p,
        [tokenizer.convert_tokens_to_ids(IM_END)],
        seed,
    )


def judged(
    problems: Sequence[Problem],
    prompts: Sequence[list[int]],
    completions: Sequence[Completion],
    judging: Judging,
    reward: Reward,
) -> list[Rollout]:
    """Return the rollouts in the order of `completions`; `problems` hold equal shares of them."""
    size = len(completions) // len(problems)
    codes = [program(item.text) for item in completions]
    wanted = {(place // size, code): None for place, code in enumerate(codes)}
    answers = [problems[group].submission(code) for group, code in wanted]
    known = dict(zip(wanted, judging(answers), strict=True))
    rollouts = []
    for place, (code, completion) in enumerate(zip(codes, completions, strict=True)):
        group, judgement = place // size, known[place // size, code]
        paid = reward_of(judgement, reward)
        rollouts.append(Rollout(problems[group], prompts[group], completion, code, judgement, paid))
    return rollouts


@dataclass(frozen=True)
class Tensors:
    """Rollouts side by side: prompts padded on the left, answers on the right."""

    ids: Tensor  # [rows, prompt and answer]
    attention: Tensor  # [rows, prompt and answer]: 1 for a real token
    answer: Tensor  # [rows, answer]: 1 for a real token
    old: Tensor  # [rows, answer]: log-probability of each token when it was drawn

    @classmethod
    def of(cls, rollouts: Sequence[Rollout], device: torch.device) -> "Tensors":
        """Return the tensors of some rollouts."""
        prompts = _padded([one.prompt for one in rollouts], torch.long, "left")
        answers = _padded([one.completion.ids for one in rollouts], torch.long, "right")
        before = _padded([[1] * len(one.prompt) for one in rollouts], torch.long, "left")
        after = _padded([[1] * len(one.completion.ids) for one in rollouts], torch.long, "right")
        old = _padded([one.completion.logprobs for one in rollouts], torch.float, "right")
        return cls(
            torch.cat([prompts, answers], dim=1).to(device),
            torch.cat([before, after], dim=1).to(device),
            after.float().to(device),
            old.to(device),
        )


def _padded(rows: list[list[Any]], dtype: torch.dtype, side: str) -> Tensor:
    tensors = [torch.tensor(row, dtype=dtype) for row in rows]
    return pad_sequence(tensors, batch_first=True, padding_side=side)
