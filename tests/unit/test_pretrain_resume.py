"""A PretrainJob that is preempted and resumed ends with the very model of one that was not."""

import json
from pathlib import Path

import pytest

from oremill import names
from oremill.specs.artifact import Order
from pipeline_steps.storage import Store
from tests import tiny_world
from tests.minio_server import MinioServer

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize(("ranks", "stage"), [(1, 0), (2, 1)], ids=["one rank", "two with ZeRO-1"])
def test_a_preempted_training_goes_on_bit_for_bit(
    minio: MinioServer, tmp_path: Path, ranks: int, stage: int
) -> None:
    store = minio.store(f"resume-{ranks}")
    workers = {"zeroStage": stage, "workers": {"replicas": ranks}}
    whole, broken = (
        tiny_world.Pod(
            minio, tmp_path / name, tiny_world.pretrain_order(store, tmp_path, name, **workers)
        )
        for name in ("whole", "broken")
    )
    whole.run(ranks)
    broken.preempt("checkpoint step-00000008", ranks)
    assert (broken.outcome.status, broken.outcome.reason) == ("resumable", "Restarting")
    assert "resumed after step" in broken.run(ranks)
    for name in ("loss.jsonl", "model.safetensors"):
        assert (broken.model / name).read_bytes() == (whole.model / name).read_bytes(), name
    check_model(whole)


def check_model(pod: tiny_world.Pod) -> None:
    """Its curve falls, and its outcome has the numbers that status shows."""
    curve = [json.loads(line) for line in (pod.model / "loss.jsonl").read_text().splitlines()]
    assert [point["step"] for point in curve] == list(range(1, 61))
    assert curve[-1]["loss"] < curve[0]["loss"] - 0.1
    results = pod.outcome.results
    assert set(results) == {"loss", "heldOutLoss", "tokens", "tokensPerSecond", "steps"}
    assert (results["tokens"], results["steps"]) == (60 * 512, 60)
    card = (pod.model / "README.md").read_text()
    assert all(item.digest in card for item in pod.order.inputs)


def test_a_damaged_checkpoint_is_skipped_and_old_ones_are_removed(
    minio: MinioServer, tmp_path: Path
) -> None:
    store = minio.store("damaged")
    order = tiny_world.pretrain_order(store, tmp_path, "x", checkpoint={"everySteps": 2, "keep": 3})
    pod = tiny_world.Pod(minio, tmp_path / "pod", order)
    pod.preempt("checkpoint step-00000008")
    kept = checkpoints(store, order)
    assert len(kept) == 3
    key = next(item.key for item in store.list(f"{kept[-1]}/") if item.key.endswith(".pt"))
    store.write(key, "damaged")
    log = pod.run()
    before = int(kept[-2][-8:])
    assert f"checkpoint {kept[-1].rsplit('/')[-1]} is damaged" in log
    assert f"resumed after step {before}; 1 damaged" in log


def checkpoints(store: Store, order: Order) -> list[str]:
    """Return the prefixes of finished checkpoints, oldest first."""
    keys = [item.key for item in store.list(f"n/pretrain/{order.name}/")]
    ending = f"/{names.MANIFEST}"
    return sorted(key.removesuffix(ending) for key in keys if key.endswith(ending))


def test_without_zero_another_number_of_ranks_goes_on(minio: MinioServer, tmp_path: Path) -> None:
    store = minio.store("elastic")
    order = tiny_world.pretrain_order(store, tmp_path, "x", batch={"tokens": 512})
    pod = tiny_world.Pod(minio, tmp_path / "pod", order)
    pod.preempt("checkpoint step-00000008", ranks=1)
    assert "resumed after step" in pod.run(ranks=2)
    check_model(pod)
