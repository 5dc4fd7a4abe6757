"""EvalJob: a step Job on the train image, and the sandboxes in which its programs run."""

from oremill.life import Life
from oremill.plans import sandboxes, training
from oremill.plans.children import Manifest
from oremill.settings import Settings
from oremill.specs.evaluate import EvalJobSpec
from oremill.stage import Stage


def plan(stage: Stage, life: Life, settings: Settings, key: bytes) -> list[Manifest]:
    """Return the children of a run."""
    assert isinstance(stage.spec, EvalJobSpec)
    pool = sandboxes.pool(stage, life, settings, stage.spec.sandbox, key)
    return pool + training.step(stage, life, settings, with_sandboxes=True)
