"""DataCorpus: one step Job on the data image."""

from oremill.life import Life
from oremill.plans import jobs
from oremill.plans.children import Manifest
from oremill.settings import Settings
from oremill.stage import Stage


def plan(stage: Stage, life: Life, settings: Settings, key: bytes) -> list[Manifest]:
    """Return the children of a run."""
    return jobs.step(stage, life, settings, settings.images.data)
