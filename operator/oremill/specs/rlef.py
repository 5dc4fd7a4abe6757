"""RLEFJob: reinforcement learning from execution feedback (arXiv:2410.02089)."""

from typing import Annotated, Literal

from pydantic import Field

from oremill.specs.common import (
    PLACEMENT,
    Checkpoint,
    JobSpec,
    Model,
    ModelRef,
    Optimizer,
    Problems,
    Sandbox,
    Workers,
)


class Sampling(Model):
    """How rollouts are drawn from the model."""

    temperature: Annotated[float, Field(gt=0, le=5)] = 1.0
    """Temperature of the samples."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Nucleus of the samples; below 1 the policy gradient is biased."""
    max_new_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = 128
    """Longest answer, in tokens."""


class Reward(Model):
    """From verdicts to numbers; a JUDGE_ERROR is no number: that rollout is left out."""

    passed: Annotated[float, Field(ge=-10, le=10)] = 1.0
    """Every hidden test passes."""
    partial: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Times the share of hidden tests that pass, when not all do."""
    invalid: Annotated[float, Field(ge=-10, le=0)] = -0.2
    """The answer holds no code that compiles."""


class RLEFJobSpec(JobSpec):
    """Improves a model by the verdicts of its own programs."""

    model_ref: Annotated[ModelRef, PLACEMENT]
    """Model to start from."""
    problems: Problems
    """Training problems; their hidden tests stay with the judge."""
    algorithm: Literal["grpo", "dr_grpo", "rloo"] = "grpo"
    """Advantage: (r-mean)/std, r-mean, or leave-one-out."""
    steps: Annotated[int, Field(ge=1, le=10**7)] = 200
    """Optimizer steps."""
    prompts_per_step: Annotated[int, Field(ge=1, le=65_536)] = 16
    """Problems of a step."""
    group_size: Annotated[int, Field(ge=2, le=1024)] = 8
    """Rollouts of a problem."""
    sampling: Sampling = Field(default=Sampling())
    """How rollouts are drawn."""
    reward: Reward = Field(default=Reward())
    """From verdicts to numbers."""
    clip_low: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Lower clip of the probability ratio."""
    clip_high: Annotated[float, Field(gt=0, lt=10)] = 0.28
    """Upper clip of the probability ratio (DAPO's clip-higher)."""
    kl: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Weight of the KL term to the starting model; 0 leaves it out."""
    optimizer: Optimizer = Field(
        default=Optimizer(peak_lr=1e-6, schedule="constant", weight_decay=0.0, beta2=0.99)
    )
    """AdamW and its schedule."""
    sandbox: Sandbox = Field(default=Sandbox())
    """Pods that run the rollouts, and the limits of one execution."""
    workers: Annotated[Workers, PLACEMENT] = Field(default=Workers())
    """Pods and GPUs."""
    checkpoint: Annotated[Checkpoint, PLACEMENT] = Field(default=Checkpoint(every_steps=50))
    """Saves of the training state."""
