"""SFTJob: one step Job of torchrun ranks on the train image."""

from oremill.life import Life
from oremill.plans import training
from oremill.plans.children import Manifest
from oremill.settings import Settings
from oremill.stage import Stage


def plan(stage: Stage, life: Life, settings: Settings, key: bytes) -> list[Manifest]:
    """Return the children of a run."""
    return training.step(stage, life, settings)
