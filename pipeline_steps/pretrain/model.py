"""The model: a Llama-style transformer of transformers, and its folder as everybody reads it."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from oremill.specs.common import Optimizer
from oremill.specs.pretrain import PretrainJobSpec
from oremill.specs.rules import sizes

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def build(spec: PretrainJobSpec, vocabulary: int, end: int, pad: int) -> LlamaForCausalLM:
    """Return the model with its first weights, which depend on the spec's seed alone."""
    size = sizes(spec)
    torch.manual_seed(spec.seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=size["hidden_size"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        num_key_value_heads=size["kv_heads"],
        intermediate_size=size["intermediate_size"],
        max_position_embeddings=spec.model.context_length,
        rope_parameters={"rope_type": "default", "rope_theta": spec.model.rope_theta},
        tie_word_embeddings=spec.model.tie_embeddings,
        # As SmolLM2. With transformers' 0.02, attention starts flat in a narrow model: copying a
        # number from a sentence was not learned in 4 M tokens, and is with this in 2 M.
        initializer_range=size["hidden_size"] ** -0.5,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
        use_cache=False,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def adamw(model: nn.Module, optimizer: Optimizer) -> torch.optim.AdamW:
    """Return AdamW without weight decay on norms, biases and embeddings.

    Torch's own, fused: it runs on CPU and GPU alike, and DeepSpeed's needs a compiler.
    """
    embeddings = {
        id(weight)
        for part in model.modules()
        if isinstance(part, nn.Embedding)
        for weight in part.parameters()
    }

    def decays(weight: nn.Parameter) -> bool:
        return weight.ndim > 1 and id(weight) not in embeddings

    weights = list(model.parameters())
    groups = [
        {"params": [one for one in weights if decays(one)], "weight_decay": optimizer.weight_decay},
        {"params": [one for one in weights if not decays(one)], "weight_decay": 0.0},
    ]
    betas = (optimizer.beta1, optimizer.beta2)
    return torch.optim.AdamW(
        groups, lr=optimizer.peak_lr, betas=betas, eps=optimizer.eps, fused=True
    )


def save(
    model: LlamaForCausalLM,
    weights: dict[str, Any],
    tokenizer: Path,
    ends: Iterable[int],
    folder: Path,
) -> None:
    """Write the folder that `AutoModelForCausalLM.from_pretrained` opens.

    Args:
        weights: the whole state dictionary, wherever DeepSpeed kept its parts.
        tokenizer: folder with the tokenizer's files.
        ends: tokens that end a generation.
    """
    model.config.use_cache = True
    model.generation_config = GenerationConfig(
        eos_token_id=list(ends), pad_token_id=model.config.pad_token_id
    )
    model.save_pretrained(folder, state_dict=weights)
    for name in TOKENIZER_FILES:
        shutil.copyfile(tokenizer / name, folder / name)


def write_curve(folder: Path, curve: list[dict[str, float]]) -> None:
    """Write loss.jsonl: one line a step."""
    lines = "".join(json.dumps(point) + "\n" for point in curve)
    (folder / "loss.jsonl").write_text(lines)


def read_curve(folder: Path) -> list[dict[str, float]]:
    """Read what `write_curve` wrote."""
    return [json.loads(line) for line in (folder / "loss.jsonl").read_text().splitlines()]
