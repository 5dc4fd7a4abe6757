"""What steps on the train image add: shared memory, the accelerator, the sandboxes' token."""

from oremill.life import Life
from oremill.plans import jobs, pods, sandboxes
from oremill.plans.children import Manifest
from oremill.settings import Settings
from oremill.specs.common import Workers
from oremill.stage import Stage

_SHM = "256Mi"  # gloo and data loaders on CPU
_SHM_GPU = "8Gi"  # NCCL's rings between the GPUs of a node


def step(
    stage: Stage, life: Life, settings: Settings, with_sandboxes: bool = False
) -> list[Manifest]:
    """Return the step's children on the train image."""
    workers: Workers = getattr(stage.spec, "workers", Workers())
    shm = stage.spec.pod.shm or (_SHM_GPU if workers.gpus else _SHM)
    mounts = [pods.shm_volume(shm)]
    if with_sandboxes:
        mounts.append(pods.token_volume(sandboxes.pool_name(stage, life)))
    # Models and tokenizers come from artifacts; nothing is downloaded at run time.
    variables = {"HF_HUB_OFFLINE": "1"} | ({} if workers.gpus else {"DS_ACCELERATOR": "cpu"})
    return jobs.step(
        stage,
        life,
        settings,
        settings.images.train,
        env=pods.env(**variables),
        mounts=tuple(mounts),
        sandbox_url=sandboxes.url(stage, life) if with_sandboxes else "",
    )
