"""PretrainJob: a Llama-style code model from a corpus and a tokenizer."""

from typing import Annotated, Literal

from pydantic import Field

from oremill.specs.common import (
    PLACEMENT,
    Checkpoint,
    CorpusRef,
    Count,
    JobSpec,
    Model,
    Optimizer,
    TokenizerRef,
    Workers,
)

# Sizes by preset; "llama-*" follow the published tables of SmolLM2 (135M, 360M, 1.7B).
PRESETS: dict[str, dict[str, int]] = {
    "tiny": {"hidden_size": 128, "layers": 4, "heads": 4, "kv_heads": 2, "intermediate_size": 352},
    "135m": {
        "hidden_size": 576,
        "layers": 30,
        "heads": 9,
        "kv_heads": 3,
        "intermediate_size": 1536,
    },
    "360m": {
        "hidden_size": 960,
        "layers": 32,
        "heads": 15,
        "kv_heads": 5,
        "intermediate_size": 2560,
    },
    "1.7b": {
        "hidden_size": 2048,
        "layers": 24,
        "heads": 32,
        "kv_heads": 32,
        "intermediate_size": 8192,
    },
}


class Architecture(Model):
    """Sizes of the Llama-style model: a preset, and numbers that override it."""

    preset: Literal["tiny", "135m", "360m", "1.7b"] = "tiny"
    """Named set of sizes; status.effective shows them."""
    hidden_size: Annotated[int, Field(ge=32, le=65_536)] | None = None
    """Width of the residual stream."""
    layers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Transformer blocks."""
    heads: Annotated[int, Field(ge=1, le=256)] | None = None
    """Query heads; must divide hiddenSize."""
    kv_heads: Annotated[int, Field(ge=1, le=256)] | None = None
    """Key and value heads; must divide heads."""
    intermediate_size: Annotated[int, Field(ge=32, le=262_144)] | None = None
    """Width of the feed-forward layer."""
    context_length: Annotated[int, Field(ge=32, le=1_048_576)] = 256
    """Tokens of a sequence."""
    rope_theta: Annotated[float, Field(gt=0)] = 10_000.0
    """Base of the rotary position embedding."""
    tie_embeddings: bool = True
    """Share the input and the output embedding."""


class Fim(Model):
    """Fill-in-the-middle (arXiv:2207.14255): a document becomes prefix, suffix, middle."""

    rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the documents that are transformed."""
    spm_rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the transformed documents in suffix-prefix-middle order."""
    start_at_tokens: Count = 0
    """Tokens of left-to-right training before the first transform."""


class Batch(Model):
    """What one optimizer step sees, whatever the number of workers."""

    tokens: Annotated[Count, Field(ge=1)] = 4096
    """Tokens of an optimizer step, over all workers."""
    micro_sequences: Annotated[int, Field(ge=1, le=4096), PLACEMENT] = 16
    """Largest number of sequences of one forward pass of a rank."""


class PretrainJobSpec(JobSpec):
    """Trains a language model from scratch."""

    corpus_ref: Annotated[CorpusRef, PLACEMENT]
    """Corpus to train on."""
    tokenizer_ref: Annotated[TokenizerRef, PLACEMENT]
    """Tokenizer of the model."""
    model: Architecture = Field(default=Architecture())
    """Sizes of the model."""
    tokens: Annotated[Count, Field(ge=1)]
    """Tokens to train on."""
    batch: Batch = Field(default=Batch())
    """Tokens of an optimizer step."""
    fim: Fim = Field(default=Fim())
    """Fill-in-the-middle."""
    mixture: Annotated[dict[str, Annotated[float, Field(ge=0, le=1000)]], Field(max_length=64)] = (
        Field(default={})
    )
    """Weight of the corpus's sources by name, in tokens; left out, sources count by their size."""
    optimizer: Optimizer = Field(default=Optimizer(peak_lr=3e-3))
    """AdamW and its schedule."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Number format of the forward and backward pass."""
    zero_stage: Annotated[int, Field(ge=0, le=3), PLACEMENT] = 0
    """DeepSpeed ZeRO stage."""
    workers: Annotated[Workers, PLACEMENT] = Field(default=Workers())
    """Pods and GPUs."""
    checkpoint: Annotated[Checkpoint, PLACEMENT] = Field(default=Checkpoint())
    """Saves of the training state."""
