"""What the six kinds share: references, storage, placement, lifecycle, and the base model.

A field is defined once, here or in the kind's file: its type, bound, default and description (the
text below it) become the CRD, the reference page and the step's argument. Fields marked `PLACEMENT`
say where and when a job runs, not what it makes: they are left out of the artifact's digest.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class _Placement:
    """Mark a field that cannot change the bytes of the artifact."""


PLACEMENT = _Placement()


class Model(BaseModel):
    """A part of a spec: frozen, camelCase outside, unknown fields refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        """Fill a part that is given in part from its owner's default, as the CRD's defaults do.

        Else `optimizer: {beta1: 0.8}` would give an SFTJob the learning rate of Optimizer.
        """
        if not isinstance(given, dict):
            return given
        return given | {
            info.alias: info.default.model_dump(by_alias=True) | given[info.alias]
            for info in cls.model_fields.values()
            if isinstance(info.default, Model) and isinstance(given.get(info.alias), dict)
        }


_COUNT = re.compile(r"^([0-9]+(?:\.[0-9]+)?)([kKMGBT]?)$")
_SCALE = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
COUNT_PATTERN = _COUNT.pattern.replace("(?:", "(")


def parse_count(value: Any) -> Any:
    """Return 12_000_000 for "12M"; a value that is no count is left for pydantic to refuse."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(
            f"{value!r} is not a count: give a whole number or one like 500K, 12M, 1.5B"
        )
    if isinstance(value, int):
        return value
    match = _COUNT.match(value)
    if match is None:
        raise ValueError(
            f"{value!r} is not a count: give a whole number or one like 500K, 12M, 1.5B"
        )
    return round(float(match[1]) * _SCALE[match[2]])


# A thousand T: some thirty times the tokens of the largest published runs, so what is above is a
# slip; and below 2**53, from which on clients that read JSON numbers as floats lose digits.
MOST = 10**15
Count = Annotated[
    int,
    BeforeValidator(parse_count),
    Field(
        ge=0,
        le=MOST,
        json_schema_extra={"x-kubernetes-int-or-string": True, "pattern": COUNT_PATTERN},
    ),
]
Name = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
ObjectKey = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^/].*$")]
_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
Quantity = Annotated[
    Annotated[str, Field(max_length=32, pattern=_QUANTITY)],
    # `cpu: 4` is a number in YAML, and Kubernetes takes it.
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
    Field(json_schema_extra={"x-kubernetes-int-or-string": True}),
]


class Ref(Model):
    """Another object of the same namespace."""

    name: Name
    """Name of the object; the stage waits until it is Complete."""


class CorpusRef(Ref):
    """A DataCorpus of the same namespace."""


class TokenizerRef(Ref):
    """A TokenizerJob of the same namespace."""


class ModelRef(Ref):
    """An object of the same namespace whose artifact is a model."""

    kind: Literal["PretrainJob", "SFTJob", "RLEFJob"]
    """Kind of the object that made the model."""


class SecretRef(Model):
    """A Secret of the same namespace with the keys accessKey and secretKey."""

    name: Name
    """Name of the Secret."""


class ConfigMapRef(Model):
    """A ConfigMap of the same namespace with the key ca.crt."""

    name: Name
    """Name of the ConfigMap."""


class Storage(Model):
    """Where artifacts and inputs live; what is left out comes from the chart's values."""

    endpoint: Annotated[str, Field(max_length=512, pattern=r"^https?://[^/]+$")] | None = None
    """URL of the S3 endpoint, with scheme and without a path."""
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = None
    """Bucket of inputs and artifacts."""
    prefix: Annotated[str, Field(max_length=256, pattern=r"^([^/].*[^/]|[^/])?$")] | None = None
    """Key prefix below which artifacts are written, without slashes at its ends."""
    region: Annotated[str, Field(max_length=64)] | None = None
    """Region to sign requests for."""
    secret_ref: SecretRef | None = None
    """Secret with the keys accessKey and secretKey."""
    ca_ref: ConfigMapRef | None = None
    """ConfigMap with the certificate authority (key ca.crt) of the endpoint."""


class Toleration(Model):
    """A taint that the pods accept."""

    key: Annotated[str, Field(max_length=253)] = ""
    """Taint key; empty with operator Exists means every key."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """How the value is compared."""
    value: Annotated[str, Field(max_length=63)] = ""
    """Taint value."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Effect to accept; empty means all."""


class EnvVar(Model):
    """A plain environment variable, such as NCCL_IB_HCA."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=253)]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=4096)]
    """Value of the variable."""


class Pod(Model):
    """Override a few fields of the step's pods; everything else is set for you."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Image of the step, instead of the chart's."""
    cpu: Quantity | None = None
    """CPU request and limit of a pod."""
    memory: Quantity | None = None
    """Memory request and limit of a pod."""
    scratch: Quantity | None = None
    """Size limit of the pod's scratch volume."""
    shm: Quantity | None = None
    """Size of the memory-backed /dev/shm."""
    extended_resources: Annotated[dict[str, Quantity], Field(max_length=16)] = Field(default={})
    """Further resources of a pod, such as rdma/hca: 1."""
    node_selector: Annotated[
        dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=16)
    ] = Field(default={})
    """Labels that a node must have."""
    tolerations: Annotated[list[Toleration], Field(max_length=16)] = Field(default=[])
    """Taints that the pods accept."""
    env: Annotated[list[EnvVar], Field(max_length=64)] = Field(default=[])
    """Environment variables, such as NCCL settings."""
    priority_class_name: Annotated[str, Field(max_length=253)] | None = None
    """PriorityClass of the pods."""
    runtime_class_name: Annotated[str, Field(max_length=253)] | None = None
    """RuntimeClass of the pods."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """Seconds between SIGTERM and SIGKILL: a checkpoint must fit into them."""


class Workers(Model):
    """How many pods work on the job, and how many GPUs each has."""

    replicas: Annotated[int, Field(ge=1, le=1024)] = 1
    """Pods of the job; the completion index is the node rank."""
    gpus: Annotated[int, Field(ge=0, le=16)] = 0
    """GPUs of a pod (nvidia.com/gpu); 0 trains on CPU."""


class FailurePolicy(Model):
    """What to do when a pod fails; preemption is never counted."""

    max_restarts: Annotated[int, Field(ge=0, le=100)] = 3
    """Failures after which the job is Failed."""


class Gate(Model):
    """A number that an EvalJob must have reached before this job starts."""

    eval_ref: Ref
    """EvalJob whose results are read."""
    metric: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the result, such as humaneval/pass@1."""
    at_least: Annotated[float, Field(ge=0, le=1)]
    """Smallest value that opens the gate."""


class JobSpec(Model):
    """Lifecycle and placement, alike for all six kinds."""

    storage: Annotated[Storage, PLACEMENT] = Field(default=Storage())
    """Bucket and credentials of this job."""
    pod: Annotated[Pod, PLACEMENT] = Field(default=Pod())
    """Overrides of the step's pods."""
    suspend: Annotated[bool, PLACEMENT] = False
    """Stop the job's pods and keep its checkpoints; false goes on."""
    active_deadline_seconds: Annotated[Annotated[int, Field(ge=1)] | None, PLACEMENT] = None
    """Seconds that an attempt may run before the job is Failed."""
    ttl_seconds_after_finished: Annotated[Annotated[int, Field(ge=0)] | None, PLACEMENT] = None
    """Seconds after which a finished object is deleted; its artifact stays."""
    failure_policy: Annotated[FailurePolicy, PLACEMENT] = Field(default=FailurePolicy())
    """Restarts of a failing job."""
    deletion_policy: Annotated[Literal["Retain", "Delete"], PLACEMENT] = "Retain"
    """What happens to the artifacts when the object is deleted."""
    queue_name: Annotated[
        Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] | None,
        PLACEMENT,
    ] = None
    """Kueue LocalQueue in which the job's pods wait for quota."""
    requires: Annotated[list[Gate], Field(max_length=16), PLACEMENT] = Field(default=[])
    """Gates: results of EvalJobs that must be reached first."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Seed of everything random in the stage."""


class Optimizer(Model):
    """AdamW and its learning-rate schedule."""

    peak_lr: Annotated[float, Field(gt=0, le=1)] = 3e-4
    """Highest learning rate."""
    schedule: Literal["wsd", "cosine", "linear", "constant"] = "wsd"
    """Shape after the warm-up; wsd is flat, then falls linearly to zero."""
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Share of the steps in which the rate rises from zero."""
    decay_fraction: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of the steps, at the end, in which wsd falls to zero."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """AdamW's first moment decay."""
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    """AdamW's second moment decay."""
    eps: Annotated[float, Field(gt=0)] = 1e-8
    """AdamW's epsilon."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Decoupled weight decay; none on norms and embeddings."""
    grad_clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the gradient."""


class Checkpoint(Model):
    """How often the training state is saved, and how many saves are kept."""

    every_steps: Annotated[int, Field(ge=1)] = 500
    """Optimizer steps between two checkpoints."""
    keep: Annotated[int, Field(ge=1, le=100)] = 2
    """Newest checkpoints that are kept."""


class Sandbox(Model):
    """The pool of pods that run model-written code."""

    replicas: Annotated[int, Field(ge=1, le=64), PLACEMENT] = 1
    """Sandbox pods of this job."""
    workers: Annotated[int, Field(ge=1, le=64), PLACEMENT] = 2
    """Executions that one pod runs side by side."""
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 5.0
    """Wall-clock seconds of one execution."""
    memory: Quantity = "256Mi"
    """Memory of one execution."""
    max_output_bytes: Annotated[int, Field(ge=1024, le=16 * 2**20)] = 65536
    """Bytes that one execution may write to its output."""
    runtime_class_name: Annotated[Annotated[str, Field(max_length=253)] | None, PLACEMENT] = None
    """RuntimeClass of the sandbox pods (gVisor, Kata)."""


class Problems(Model):
    """Verifiable problems in the bucket: JSON Lines of {task_id, prompt, entry_point, tests}."""

    key: ObjectKey
    """Object key of JSON Lines: {task_id, prompt, entry_point, tests: [{args: [], expected}]}."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Use only the first problems of the file."""
