"""Tasks are dealt to processes as these become free, and what one raises ends all."""

import time
from pathlib import Path
from typing import Any

import pytest

from oremill.specs.artifact import Order, StorageTarget
from pipeline_steps import run
from pipeline_steps.corpus import engine
from pipeline_steps.corpus.context import Context, Recipe
from pipeline_steps.errors import StepFailed, UserError

PATIENCE = 60  # seconds


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    for name in ("accessKey", "secretKey"):
        (tmp_path / name).write_text("a")
    spec = {"sources": [{"name": "a", "archives": {"prefix": "a/"}}]}
    storage = StorageTarget(endpoint="http://127.0.0.1:9", bucket="b")
    order = Order(
        kind="DataCorpus",
        namespace="n",
        name="a",
        uid="u",
        generation=1,
        spec=spec,
        storage=storage,
    )
    places = run.Places(tmp_path, tmp_path, tmp_path, tmp_path, tmp_path, tmp_path, 0)
    return Recipe(places, order.model_dump_json(by_alias=True), "prefix", "work")


def meet(context: Context, task: dict[str, Any]) -> None:
    """Leave a sign, and wait for others'."""
    Path(task["sign"]).touch()
    deadline = time.monotonic() + PATIENCE
    while not all(Path(sign).exists() for sign in task["awaited"]):
        if time.monotonic() > deadline:
            raise StepFailed(f"{task['sign']} waits for a task that was not begun")
        time.sleep(0.01)


def refuse(context: Context, task: dict[str, Any]) -> None:
    raise UserError(f"spec: {task['sign']}")


@pytest.mark.filterwarnings(  # Daft leaves the pipes of its processes to the garbage collector
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning",
    "ignore::ResourceWarning",
)
def test_a_process_goes_on_while_another_has_a_long_task(recipe: Recipe, tmp_path: Path) -> None:
    signs = [str(tmp_path / f"sign-{number}") for number in range(6)]
    tasks = [{"sign": sign, "awaited": []} for sign in signs]
    tasks[0]["awaited"] = signs[-2:]
    assert list(engine.each(meet, recipe, tasks, workers=2)) == [1, 2, 3, 4, 5, 6]


def test_what_a_task_raises_is_raised_as_it_was(recipe: Recipe) -> None:
    with pytest.raises(UserError, match="spec: 7"):
        list(engine.each(refuse, recipe, [{"sign": 7}], workers=1))
    assert list(engine.each(refuse, recipe, [], workers=1)) == []
