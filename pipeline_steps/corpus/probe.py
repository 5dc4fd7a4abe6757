"""What each node of a Ray cluster says of itself, before work is sent there and when work is lost.

A node that has another release of our code would make other bytes; one without the Secret's files,
or without a folder to work in, would fail in the middle of a pass. So each is asked, by a task.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import oremill
import pipeline_steps
from oremill.specs.artifact import RECIPES
from pipeline_steps import run
from pipeline_steps.launch import oom_kills

SECONDS = 120.0  # in which all nodes must answer; a first task starts a process


@dataclass(frozen=True)
class Answer:
    """What a node says."""

    address: str
    refused: str = ""  # why it cannot run our code at all
    code: str = ""  # digits of its code
    lacks: list[str] = field(default_factory=list)  # paths
    kills: int = 0  # processes that the kernel has killed for memory

    @property
    def fault(self) -> str:
        """Return what keeps it from our work, as the end of a sentence; empty for nothing."""
        if self.refused:
            return f"cannot run this code: {self.refused}"
        if self.code != code():
            return f"has other code ({self.code}) than this pod ({code()})"
        return f"lacks {', '.join(self.lacks)}" if self.lacks else ""


def answer(authority: bool) -> dict[str, Any]:
    """Say it; this runs on the node.

    Args:
        authority: whether the bucket needs a certificate authority of its own.
    """
    places = run.Places.from_environment()
    files = [places.secret / key for key in ("accessKey", "secretKey")]
    files += [places.ca] if authority else []
    lacks = [str(path) for path in files if not os.access(path, os.R_OK)]
    if not _writable(places.scratch):
        lacks.append(f"a folder {places.scratch} to write to")
    return {"code": code(), "lacks": lacks, "kills": oom_kills()}


def ask(authority: bool, seconds: float = SECONDS) -> list[Answer]:
    """Return the answer of every node that is alive.

    Raises:
        ray.exceptions.RayError: a node was lost, or did not answer in time.
    """
    return [_heard(address, said) for address, said in _each(answer, authority, seconds)]


def forget(folder: str, seconds: float = SECONDS) -> None:
    """Remove a folder below the scratch of every node that answers; the others are lost anyway."""
    _each(_removed, folder, seconds)


def _removed(folder: str) -> None:
    shutil.rmtree(run.Places.from_environment().scratch / folder, ignore_errors=True)


def _each(do: Callable[[Any], Any], given: Any, seconds: float) -> list[tuple[str, Any]]:
    """Do something on every node that is alive; return addresses, and references to what it said.

    Args:
        do: a function of a module.
        given: its argument.
        seconds: in which all should have answered.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = {}
    for one in (one for one in ray.nodes() if one["Alive"]):
        there = NodeAffinitySchedulingStrategy(one["NodeID"], soft=False)
        task = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(do)
        asked[one["NodeManagerAddress"]] = task.remote(given)
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=seconds)
    return list(asked.items())


@cache
def code() -> str:
    """Return the digits that name our code and the recipe of a corpus."""
    told = sha256(str(RECIPES["DataCorpus"]).encode())
    for package in (oremill, pipeline_steps):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                told.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return told.hexdigest()[:16]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _heard(address: str, said: Any) -> Answer:
    import ray

    try:
        return Answer(address, **ray.get(said, timeout=1))
    except ray.exceptions.RayTaskError as error:  # it has no such function, or none of our packages
        return Answer(address, str(error).strip().splitlines()[-1])
