"""How a pod's memory is shared out: so much for the ledger, and as many processes as surely fit.

    memory = BASE + ledger + workers x (PROCESS + work)
    work = WORK + the larger of FILE x quality.maxFileBytes and ORDERED x order.maxBytes

With one worker there is no further process, and PROCESS falls away. A pod that is one of several,
or that joins a Ray cluster (machines.py), has RAY beside BASE, and each worker is a process. None
of it grows with the input: what does, the step holds in files. The constants are measured
(docs/corpus.md, "Memory").
"""

from dataclasses import dataclass

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.errors import UserError

MIB = 2**20
BASE = 384 * MIB  # the step's own process: what it imports, Daft, transfers to the bucket
RAY = 512 * MIB  # Ray's own processes in a pod, of which the head has most
PROCESS = 192 * MIB  # what a further process imports
WORK = 192 * MIB  # row groups, tables of rules and indices in use, a process of ruff
FILE = 320  # bytes for one of the largest file: `[],[],[]` makes a parse tree 300 times its size
ORDERED = 3  # bytes for one of the largest repository that is ordered as one
LEDGER = 128 * MIB  # least that a thread of DuckDB works with
SHARE = 8  # the ledger has one part in so many, where there is room


@dataclass(frozen=True)
class Shares:
    """What a pod's memory is used for."""

    ledger: int  # bytes
    threads: int  # of the ledger
    workers: int  # processes that fit
    worker: int  # bytes that one may need

    def __str__(self) -> str:
        """Return what is chosen, for the log."""
        return (
            f"{self.ledger // MIB} MiB for the ledger, room for {self.workers} workers of "
            f"{self.worker // MIB} MiB"
        )


def shares(memory: int, cores: int, spec: DataCorpusSpec) -> Shares:
    """Return the shares of a pod's memory.

    Args:
        memory: bytes that the pod may use.
        cores: that it may use; no more workers than that.
        spec: says how large a file and an ordered repository may be.

    Raises:
        UserError: not even one worker fits.
    """
    apart = spec.workers.replicas > 1 or spec.ray is not None
    base, first = (BASE + RAY, PROCESS) if apart else (BASE, 0)
    file, ordered = spec.quality.max_file_bytes, spec.order.max_bytes
    work = WORK + max(FILE * file, ORDERED * ordered)
    least = base + LEDGER + first + work
    if memory < least:
        raise UserError(
            f"spec.pod.memory: {_shown(memory)} is too little for files of "
            f"{file} bytes (spec.quality.maxFileBytes) and repositories of {ordered} bytes "
            f"(spec.order.maxBytes); give at least {_shown(least)}, or lower these"
        )
    ledger = max(LEDGER, min(memory // SHARE, memory - base - first - work))
    fitting = (memory - base - ledger) // (PROCESS + work)
    threads = max(1, min(cores, ledger // LEDGER))
    return Shares(ledger, threads, max(1, min(cores, fitting)), PROCESS + work)


def _shown(size: int) -> str:
    return f"{-(-size // MIB)}Mi"
