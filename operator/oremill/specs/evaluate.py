"""EvalJob: pass@k of one or more models on benchmarks whose answers are run in sandboxes."""

from typing import Annotated, Literal

from pydantic import Field

from oremill.specs.common import PLACEMENT, JobSpec, Model, ModelRef, ObjectKey, Sandbox, Workers


class Benchmark(Model):
    """A set of problems, how the model is asked, and how many answers it gives."""

    name: Literal["humaneval", "steplang"]
    """Adapter: humaneval ships inside the image; steplang reads problems from key."""
    key: ObjectKey | None = None
    """Object key of steplang's problems: JSON Lines as of an RLEFJob, with a solution each."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Use only the first problems."""
    mode: Literal["chat", "completion"] = "completion"
    """Ask through the chat template, or let the model go on from the prompt."""
    samples: Annotated[int, Field(ge=1, le=1000)] = 1
    """Answers to each problem."""
    temperature: Annotated[float, Field(ge=0, le=5)] = 0.0
    """Sampling temperature; 0 is greedy."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Nucleus of the samples."""
    max_new_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = 128
    """Longest answer, in tokens."""
    k: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=16)] = Field(
        default=[1]
    )
    """Values of k for pass@k; none above samples."""


class EvalJobSpec(JobSpec):
    """Scores models; with several, the differences to the first are paired by problem."""

    models: Annotated[list[ModelRef], Field(min_length=1, max_length=16)]
    """Models to score; the first is the baseline."""
    benchmarks: Annotated[list[Benchmark], Field(min_length=1, max_length=32)]
    """What they are scored on."""
    sandbox: Sandbox = Field(default=Sandbox())
    """Pods that run the answers, and the limits of one execution."""
    workers: Annotated[Workers, PLACEMENT] = Field(default=Workers())
    """Pods and GPUs."""
