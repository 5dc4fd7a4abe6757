"""DeepSpeed and torch.distributed: the ranks, the engine, and what both need to run on a CPU."""

import logging
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import deepspeed
import torch
import torch.distributed as dist
from torch import Tensor

from oremill.specs.common import Optimizer
from oremill.specs.pretrain import PretrainJobSpec
from pipeline_steps.pretrain.model import adamw
from pipeline_steps.pretrain.schedule import micro_batch

PATIENCE = timedelta(hours=1)  # a rank may wait so long for another: one tokenises for its node


@dataclass(frozen=True)
class Ranks:
    """This process among its peers, as torchrun says."""

    rank: int
    world: int
    local_rank: int
    local_world: int
    device: torch.device

    @classmethod
    def join(cls) -> "Ranks":
        """Meet the other ranks; returns when all are there."""
        rank, world, local_rank, local_world = (
            int(os.environ[name])
            for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        )
        gpu = torch.cuda.is_available()
        device = torch.device("cuda", local_rank) if gpu else torch.device("cpu")
        if gpu:
            torch.cuda.set_device(device)
        dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=PATIENCE)
        return cls(rank, world, local_rank, local_world, device)

    def sum(self, *values: float) -> list[float]:
        """Return the sums over all ranks."""
        total = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(total)
        return [float(value) for value in total]

    def agree(self, value: bool) -> bool:
        """Return whether all ranks say yes."""
        return self.sum(float(value))[0] == self.world

    def gather(self, value: Any) -> list[Any]:
        """Return every rank's value, by rank."""
        found: list[Any] = [None] * self.world
        dist.all_gather_object(found, value)
        return found

    def wait(self) -> None:
        """Return when all ranks are here."""
        self.sum(0.0)


def start(spec: PretrainJobSpec, model: Any, ranks: Ranks) -> Any:
    """Return DeepSpeed's engine around the model of a PretrainJob."""
    return wrap(model, spec.optimizer, config(spec, ranks.world), ranks)


def wrap(model: Any, optimizer: Optimizer, config: dict[str, Any], ranks: Ranks) -> Any:
    """Return DeepSpeed's engine around a model."""
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    if ranks.device.type == "cpu":
        # DeepSpeed compiles a shared-memory all-reduce when it starts on a CPU. The image has no
        # compiler, and pods share no memory: say that no op is compatible, so that none is built.
        deepspeed.ops.__compatible_ops__ = {}
    engine, *_ = deepspeed.initialize(model=model, optimizer=adamw(model, optimizer), config=config)
    return engine


def config(spec: PretrainJobSpec, world: int) -> dict[str, Any]:
    """Return DeepSpeed's configuration: a step sees `batch.tokens` with any number of ranks."""
    sequences = spec.batch.tokens // spec.model.context_length // world
    micro = micro_batch(sequences, spec.batch.micro_sequences)
    return {
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": sequences // micro,
        "gradient_clipping": spec.optimizer.grad_clip,
        "zero_optimization": {"stage": spec.zero_stage},
        "bf16": {"enabled": spec.precision == "bf16"},
        "steps_per_print": 2**62,  # never: we report ourselves
    }


def weights(engine: Any) -> dict[str, Tensor]:
    """Return the whole state dictionary; every rank must call it, rank 0 gets it."""
    if engine.zero_optimization_stage() == 3:
        return dict(engine._zero3_consolidated_16bit_state_dict() or {})
    return dict(engine.module.state_dict())
