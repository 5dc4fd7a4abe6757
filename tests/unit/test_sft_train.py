"""An SFTJob learns the assistant's bytes and no others, and survives a preemption."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline_steps import sentinels
from tests import tiny_world
from tests.minio_server import MinioServer

pytestmark = pytest.mark.timeout(600)

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Add one.\n"},
    {"role": "assistant", "content": "def f(x):\n    return x + 1\n"},
    {"role": "user", "content": "assistant\n"},
    {"role": "assistant", "content": "  é ok "},
]


@pytest.mark.filterwarnings("ignore")  # TRL's, transformers' and torch's own
def test_the_loss_is_on_the_assistants_text_byte_for_byte(tmp_path: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    from oremill.specs.sft import SFTJobSpec
    from pipeline_steps.pretrain.engine import Ranks
    from pipeline_steps.sft import train

    base = tiny_world.write_model(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(base, eos_token=sentinels.IM_END)
    spec = SFTJobSpec.model_validate(
        {"modelRef": {"kind": "PretrainJob", "name": "x"}, "sources": [{"key": "k"}]}
    )
    ranks = Ranks(0, 1, 0, 1, torch.device("cpu"))
    short = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    trainer = train.trainer_of(
        spec, ranks, base, tokenizer, [CONVERSATION, short], tmp_path / "out", []
    )
    rows = [trainer.train_dataset[0], trainer.train_dataset[1]]
    batch = trainer.data_collator(rows)  # the second row is padded
    learned = [tokenizer.decode(row[row >= 0]) for row in batch["labels"]]
    assert learned == [answers(CONVERSATION), answers(short)]


def answers(messages: list[dict[str, str]]) -> str:
    """Return what the model must learn to write: each answer and its end."""
    said = [one["content"] for one in messages if one["role"] == "assistant"]
    return "".join(text + sentinels.IM_END for text in said)


def test_a_preempted_fine_tuning_goes_on_bit_for_bit(minio: MinioServer, tmp_path: Path) -> None:
    store = minio.store("sft")
    whole, broken = (
        tiny_world.Pod(
            minio, tmp_path / name, tiny_world.sft_order(store, tmp_path / f"in-{name}", name)
        )
        for name in ("whole", "broken")
    )
    whole.run()
    broken.preempt("checkpoint step-00000008")
    assert "resumed after step" in broken.run()
    for name in ("loss.jsonl", "model.safetensors"):
        assert (broken.model / name).read_bytes() == (whole.model / name).read_bytes(), name
    check_model(whole)


def check_model(pod: tiny_world.Pod) -> None:
    """Its loss falls, and it ends its turns."""
    curve: list[dict[str, Any]] = [
        json.loads(line) for line in (pod.model / "loss.jsonl").read_text().splitlines()
    ]
    assert len(curve) == 60 and curve[-1]["loss"] < curve[0]["loss"] - 0.3
    assert pod.outcome.results["examples"] == 64 and pod.outcome.results["steps"] == 60
    end = sentinels.SENTINELS.index(sentinels.IM_END)
    generation = json.loads((pod.model / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [end]
    tokenizer = json.loads((pod.model / "tokenizer_config.json").read_text())
    assert tokenizer["eos_token"] == sentinels.IM_END
