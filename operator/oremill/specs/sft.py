"""SFTJob: a model that follows instructions, from pairs of prompt and answer."""

from typing import Annotated

from pydantic import Field

from oremill.specs.common import (
    PLACEMENT,
    Checkpoint,
    JobSpec,
    Model,
    ModelRef,
    ObjectKey,
    Optimizer,
    Workers,
)


class Conversations(Model):
    """A JSON Lines file in the bucket: {"messages": [{"role", "content"}, ...]} a line."""

    key: ObjectKey
    """Object key of JSON Lines: {"messages": [{"role": "user", "content": "..."}, ...]}."""


class SFTJobSpec(JobSpec):
    """Fine-tunes a model on conversations; the loss is on the assistant's tokens only."""

    model_ref: Annotated[ModelRef, PLACEMENT]
    """Model to start from."""
    sources: Annotated[list[Conversations], Field(min_length=1, max_length=64)]
    """Conversations to train on."""
    epochs: Annotated[float, Field(gt=0, le=1000)] = 3.0
    """Passes over the conversations."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    """Conversations of an optimizer step, over all workers."""
    max_length: Annotated[int, Field(ge=32, le=1_048_576)] = 256
    """Tokens of a conversation; longer ones are dropped and counted."""
    optimizer: Optimizer = Field(
        default=Optimizer(peak_lr=1e-4, schedule="cosine", weight_decay=0.0)
    )
    """AdamW and its schedule."""
    workers: Annotated[Workers, PLACEMENT] = Field(default=Workers())
    """Pods and GPUs."""
    checkpoint: Annotated[Checkpoint, PLACEMENT] = Field(default=Checkpoint())
    """Saves of the training state."""
