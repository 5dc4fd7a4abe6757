"""What the cluster's administrator decided: images, the default bucket, sizes of pods, periods.

The chart renders this record as JSON from its values; the operator reads it once, from the file
named by the environment variable OREMILL_SETTINGS. Plans get it as an argument, so they stay pure.
A key that is unknown or out of range stops the operator at its start, with a sentence naming it.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from oremill import names
from oremill.specs.common import Model, Quantity, Storage

Image = Annotated[str, Field(min_length=1, max_length=512)]


class Images(Model):
    """Container images of the children."""

    data: Image = "oremill-data:dev"
    """Image of resolve, cleanup, DataCorpus and TokenizerJob pods."""
    train: Image = "oremill-train:dev"
    """Image of PretrainJob, SFTJob, RLEFJob and EvalJob pods."""
    sandbox: Image = "oremill-sandbox:dev"
    """Image of the pods that run model-written code."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When a node pulls an image."""
    pull_secrets: Annotated[list[str], Field(max_length=16)] = Field(default=[])
    """Names of image pull Secrets; each must exist in the namespace of the job."""


class StorageDefault(Model):
    """The bucket of a job whose spec.storage leaves something out."""

    endpoint: str = "http://minio:9000"
    """URL of the S3 endpoint, with scheme and without a path."""
    bucket: str = "oremill"
    """Bucket of inputs and artifacts."""
    prefix: str = ""
    """Key prefix below which artifacts are written."""
    region: str = "us-east-1"
    """Region to sign requests for."""
    secret_name: str = "oremill-storage"
    """Secret with the keys accessKey and secretKey, in the namespace of the job."""
    ca_name: str = ""
    """ConfigMap with the key ca.crt, in the job's namespace; empty trusts the image's roots."""

    def over(self, own: Storage) -> "StorageDefault":
        """Return the job's own storage with these values where it is silent."""
        given = own.model_dump(exclude_none=True, exclude={"secret_ref", "ca_ref"})
        if own.secret_ref is not None:
            given["secret_name"] = own.secret_ref.name
        if own.ca_ref is not None:
            given["ca_name"] = own.ca_ref.name
        return self.model_copy(update=given)


class Resources(Model):
    """Size of a pod; memory is requested in full, so that no pod is the first to be evicted."""

    cpu: Quantity = "1"
    """CPU request, and limit when cpuLimit is left out."""
    cpu_limit: Quantity | None = None
    """CPU limit: what a pod may use while its node has it to spare."""
    memory: Quantity = "2Gi"
    """Memory request and limit."""
    scratch: Quantity = "4Gi"
    """Size limit of the volume at /scratch."""


class ResourceDefaults(Model):
    """Sizes of pods whose spec.pod leaves them out, by the word of the kind."""

    resolve: Resources = Field(
        default=Resources(cpu="100m", cpu_limit="1", memory="256Mi", scratch="64Mi")
    )
    """Pods that look an artifact up, or remove it."""
    corpus: Resources = Field(default=Resources())
    """DataCorpus."""
    tokenizer: Resources = Field(default=Resources())
    """TokenizerJob."""
    pretrain: Resources = Field(default=Resources(memory="4Gi"))
    """PretrainJob."""
    sft: Resources = Field(default=Resources(memory="4Gi"))
    """SFTJob."""
    rlef: Resources = Field(default=Resources(memory="4Gi"))
    """RLEFJob."""
    evaluate: Resources = Field(default=Resources(memory="4Gi"))
    """EvalJob."""
    sandbox: Resources = Field(default=Resources(cpu="1", memory="256Mi", scratch="512Mi"))
    """Sandbox pods; the memory is what the runner needs beside its executions."""

    def of(self, word: str) -> Resources:
        """Return the sizes for one word: resolve, corpus ... evaluate, sandbox."""
        found: Resources = getattr(self, word)
        return found


class Settings(Model):
    """Everything that the operator is told at its start."""

    images: Images = Field(default=Images())
    """Container images of the children."""
    storage: StorageDefault = Field(default=StorageDefault())
    """The bucket of a job whose spec.storage leaves something out."""
    resources: ResourceDefaults = Field(default=ResourceDefaults())
    """Sizes of pods."""
    resync_seconds: Annotated[int, Field(ge=5, le=3600)] = 300
    """Period in which every object is looked at again, without any event."""
    progress_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    """Period in which a running step is asked for its progress."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    """Objects that are reconciled side by side."""
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] = names.PORT_OPERATOR_METRICS
    """Port of the operator's GET /metrics."""
    health_port: Annotated[int, Field(ge=1, le=65_535)] = names.PORT_OPERATOR_HEALTH
    """Port of the operator's GET /healthz and /readyz."""
    operator_namespace: str = "oremill"
    """Namespace of the operator: its pods may read the progress port of step pods."""
    prometheus_namespace: str = ""
    """Namespace of Prometheus, for the same; empty lets every namespace in."""


def load(path: str | None) -> Settings:
    """Return the settings of the JSON file at `path`, or the defaults when there is none.

    Raises:
        pydantic.ValidationError: a key is unknown or a value is not allowed.
    """
    return Settings.model_validate_json(Path(path).read_text()) if path else Settings()
