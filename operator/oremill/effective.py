"""`status.effective`: what follows from a spec, so that nobody has to compute it by hand."""

from oremill.specs import JobSpec
from oremill.specs.common import Workers
from oremill.specs.pretrain import PretrainJobSpec
from oremill.specs.rlef import RLEFJobSpec
from oremill.specs.rules import sizes


def effective(spec: JobSpec) -> dict[str, str]:
    """Return derived values by name; counts are plain integers as text."""
    match spec:
        case PretrainJobSpec():
            found = _pretrain(spec)
        case RLEFJobSpec():
            found = {"rolloutsPerStep": spec.prompts_per_step * spec.group_size}
        case _:
            found = {}
    return {name: str(value) for name, value in found.items()}


def _pretrain(spec: PretrainJobSpec) -> dict[str, int]:
    size, length = sizes(spec), spec.model.context_length
    ranks = ranks_of(spec.workers)
    sequences = spec.batch.tokens // (length * ranks)  # of a rank, in one optimizer step
    micro = largest_divisor(sequences, spec.batch.micro_sequences)
    return {
        "hiddenSize": size["hidden_size"],
        "layers": size["layers"],
        "heads": size["heads"],
        "kvHeads": size["kv_heads"],
        "intermediateSize": size["intermediate_size"],
        "contextLength": length,
        "ranks": ranks,
        "microSequences": micro,
        "gradientAccumulation": sequences // micro,
        "steps": spec.tokens // spec.batch.tokens,
    }


def ranks_of(workers: Workers) -> int:
    """Return the world size: a rank a GPU, or one a pod without GPUs."""
    return workers.replicas * max(1, workers.gpus)


def largest_divisor(number: int, limit: int) -> int:
    """Return the largest divisor of `number` that is at most `limit`."""
    return next(value for value in range(min(number, limit), 0, -1) if number % value == 0)
