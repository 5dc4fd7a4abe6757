"""DataCorpus: one step Job on the data image."""

from oremill import names, quantity
from oremill.life import Life
from oremill.plans import jobs, pods
from oremill.plans.children import Manifest
from oremill.settings import Settings
from oremill.stage import Stage


def plan(stage: Stage, life: Life, settings: Settings, key: bytes) -> list[Manifest]:
    """Return the children of a run."""
    size = pods.sized(settings.resources.of(stage.word), stage.spec.pod)
    limits = {names.ENV_CPUS: pods.cores(size), names.ENV_MEMORY: int(quantity.value(size.memory))}
    env = pods.env(**{name: str(limit) for name, limit in limits.items()})
    return jobs.step(stage, life, settings, settings.images.data, env)
