"""DataCorpus: one step Job on the data image, whose pods may form a Ray cluster, or join one."""

from typing import cast

from oremill import names, quantity
from oremill.life import Life
from oremill.plans import jobs, network, pods
from oremill.plans.children import Manifest
from oremill.settings import Settings
from oremill.specs.corpus import DataCorpusSpec
from oremill.stage import Stage


def plan(stage: Stage, life: Life, settings: Settings, key: bytes) -> list[Manifest]:
    """Return the children of a run."""
    spec = cast(DataCorpusSpec, stage.spec)
    size = pods.sized(settings.resources.of(stage.word), spec.pod)
    limits = {names.ENV_CPUS: pods.cores(size), names.ENV_MEMORY: int(quantity.value(size.memory))}
    ray = spec.ray
    return jobs.step(
        stage,
        life,
        settings,
        settings.images.data,
        env=pods.env(**{name: str(limit) for name, limit in limits.items()}),
        mounts=(_token(ray.token_ref.name),) if ray else (),
        led=spec.workers.replicas > 1,
        ingress=(network.ray_nodes(),) if ray else (),
    )


def _token(secret: str) -> tuple[Manifest, str]:
    return pods.token_volume(secret, names.RAY_TOKEN_FILE, "ray-token")
