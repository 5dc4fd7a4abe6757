"""The model that draws and learns: a DeepSpeed engine, and one update from a step's rollouts."""

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from oremill.specs.rlef import RLEFJobSpec
from pipeline_steps.pretrain import engine as deepspeed_engine
from pipeline_steps.pretrain.engine import Ranks
from pipeline_steps.rlef.objective import Objective, advantages, losses
from pipeline_steps.rlef.rollouts import Rollout, Tensors

PART_TOKENS = 2**14  # of one forward pass, padding included: about 1 GB at a vocabulary of 16k


@dataclass(frozen=True)
class Learned:
    """What an update did on one rank; sums, to be added over ranks."""

    loss: float  # share of the mean over all rollouts
    mismatch: float  # sum over tokens of |log ratio| between drawing and learning
    tokens: float


@dataclass
class Learner:
    """One rank's view of the model."""

    spec: RLEFJobSpec
    ranks: Ranks
    engine: Any
    reference: Any | None  # the starting model, when its divergence is paid for
    parts: int  # forward passes of an update, alike on all ranks

    @classmethod
    def start(cls, spec: RLEFJobSpec, ranks: Ranks, network: Any, longest_prompt: int) -> "Learner":
        """Put the engine around the model.

        Args:
            longest_prompt: tokens; with the longest answer it bounds the size of a forward pass.
        """
        rollouts = spec.prompts_per_step * spec.group_size // ranks.world
        width = longest_prompt + spec.sampling.max_new_tokens
        parts = math.ceil(rollouts / max(1, PART_TOKENS // width))
        reference = copy.deepcopy(network).eval().to(ranks.device) if spec.kl else None
        engine = deepspeed_engine.wrap(
            network, spec.optimizer, config(rollouts, parts, spec.optimizer.grad_clip), ranks
        )
        return cls(spec, ranks, engine, reference, parts)

    def learn(self, rollouts: list[Rollout], rate: float) -> Learned:
        """Do one optimizer step."""
        for group in self.engine.optimizer.param_groups:
            group["lr"] = rate
        rewards = torch.tensor([one.reward for one in rollouts]).view(-1, self.spec.group_size)
        moved = advantages(rewards, self.spec.algorithm).flatten()
        done = [self._part(chosen, rollouts, moved) for chosen in self._split(moved, len(rollouts))]
        return Learned(*(sum(values) for values in zip(*done, strict=True)))

    def _split(self, moved: Tensor, count: int) -> list[list[int]]:
        """Deal the rollouts that teach something to the forward passes; none may be empty."""
        teaching = [place for place in range(count) if self.spec.kl or float(moved[place]) != 0.0]
        return [teaching[part :: self.parts] or [0] for part in range(self.parts)]

    def _part(
        self, chosen: list[int], rollouts: list[Rollout], moved: Tensor
    ) -> tuple[float, float, float]:
        batch = Tensors.of([rollouts[place] for place in chosen], self.ranks.device)
        new = self._logprobs(self.engine, batch)
        start = None
        if self.reference is not None:
            with torch.no_grad():
                start = self._logprobs(self.reference, batch)
        advantage = moved[chosen].to(new.device)
        each = losses(new, batch.old, batch.answer, advantage, self._objective, start)
        # DeepSpeed divides by the number of parts and of ranks; the mean is over all rollouts.
        loss = each.sum() / len(rollouts)
        self.engine.backward(loss * self.parts)
        self.engine.step()
        mismatch = ((new.detach() - batch.old).abs() * batch.answer).sum()
        return float(loss.detach()), float(mismatch), float(batch.answer.sum())

    @property
    def _objective(self) -> Objective:
        spec = self.spec
        return Objective(
            spec.algorithm, spec.clip_low, spec.clip_high, spec.kl, spec.sampling.max_new_tokens
        )

    def _logprobs(self, model: Any, batch: Tensors) -> Tensor:
        """Return the log-probabilities of the answers' tokens, at the sampling temperature."""
        width = batch.answer.shape[1]
        output = model(
            input_ids=batch.ids,
            attention_mask=batch.attention,
            position_ids=(batch.attention.cumsum(dim=1) - 1).clamp(min=0),
            logits_to_keep=width + 1,
            use_cache=False,
        )
        logits: Tensor = output.logits[:, :-1].float() / self.spec.sampling.temperature
        answers = batch.ids[:, -width:, None]
        return logits.log_softmax(dim=-1).gather(-1, answers)[..., 0]


def config(rollouts: int, parts: int, clip: float) -> dict[str, Any]:
    """Return DeepSpeed's configuration for an update from a rank's rollouts in some parts."""
    return {
        "train_micro_batch_size_per_gpu": math.ceil(rollouts / parts),
        "gradient_accumulation_steps": parts,
        "gradient_clipping": clip,
        "zero_optimization": {"stage": 0},
        "steps_per_print": 2**62,  # never: we report ourselves
    }
