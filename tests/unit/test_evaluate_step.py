"""A whole EvalJob as its pod runs it: two models, a real bucket, a real sandbox.

One model is taught here, in seconds, to answer the problems by heart; the other knows nothing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402

from oremill.specs.artifact import Input, Manifest, Order, Outcome  # noqa: E402
from pipeline_steps.evaluate import steplang  # noqa: E402
from pipeline_steps.sandbox.child import ROOT  # noqa: E402
from pipeline_steps.sentinels import CHAT_TEMPLATE, IM_END, PAD, SENTINELS  # noqa: E402
from pipeline_steps.storage import Store  # noqa: E402
from tests.minio_server import MinioServer  # noqa: E402
from tests.sandbox_server import SandboxServer  # noqa: E402

PROBLEMS = steplang.problems(0, 4, "heldout", depths=(1,))
SPEC = {
    "models": [{"kind": "SFTJob", "name": "new"}, {"kind": "RLEFJob", "name": "taught"}],
    "benchmarks": [
        {"name": "steplang", "key": "problems.jsonl", "mode": "chat", "maxNewTokens": 64},
        {"name": "humaneval", "limit": 3, "maxNewTokens": 8},
    ],
}


def tokenizer() -> Any:
    """Return a small tokenizer of StepLang."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SENTINELS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(steplang.documents(0, 200), trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=IM_END, pad_token=PAD, chat_template=CHAT_TEMPLATE
    )


def write_model(folder: Path, steps: int) -> None:
    """Write a model that was taught the answers for `steps` steps."""
    words = tokenizer()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # a second one costs more than it gives at this size
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        tie_word_embeddings=True, pad_token_id=words.pad_token_id,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    chats = [
        [
            {"role": "user", "content": item["prompt"]},
            {"role": "assistant", "content": item["solution"]},
        ]
        for item in PROBLEMS
    ]
    texts = [words.apply_chat_template(chat, tokenize=False) for chat in chats]
    words.padding_side = "right"
    batch = words(texts, return_tensors="pt", padding=True)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    for _ in range(steps):
        model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    words.save_pretrained(folder)


@pytest.fixture(scope="module")
def store(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = minio.store("evaluate-step")
    made.write("problems.jsonl", "".join(f"{json.dumps(item)}\n" for item in PROBLEMS))
    for kind, name, steps in (("SFTJob", "new", 0), ("RLEFJob", "taught", 100)):
        folder = tmp_path_factory.mktemp(name)
        write_model(folder, steps)
        manifest = Manifest(
            kind=kind, namespace="n", name=name, digest="d" * 64, recipe=1, spec={},
            created_at="2026-01-01T00:00:00Z",
        )  # fmt: skip
        made.publish(folder, f"n/{name}/d", manifest)
    return made


def run(
    store: Store, minio: MinioServer, sandbox: SandboxServer, folder: Path, **changes: Any
) -> tuple[int, Outcome]:
    """Run the stage as its pod does; return exit code and outcome."""
    order = Order(
        kind="EvalJob", namespace="n", name="x", uid="u", generation=1, spec=SPEC | changes,
        inputs=[
            Input(name=f"models[{index}]", kind=kind, uri=store.uri(f"n/{name}/d"), digest="d" * 64)
            for index, (kind, name) in enumerate((("SFTJob", "new"), ("RLEFJob", "taught")))
        ],
        storage=store.target, sandbox_url=sandbox.url,
    )  # fmt: skip
    (folder / "spec.json").write_text(order.model_dump_json(by_alias=True))
    places = {
        "SPEC": folder / "spec.json", "STORAGE_SECRET": minio.secret,
        "SANDBOX_TOKEN": sandbox.token_file, "SCRATCH": folder / "scratch",
        "TERMINATION_LOG": folder / "outcome.json", "PROGRESS_PORT": 0,
    }  # fmt: skip
    environment = {f"OREMILL_{name}": str(value) for name, value in places.items()}
    environment |= {"PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline_steps.evaluate"], env=os.environ | environment, cwd=folder
    )
    return done.returncode, Outcome.model_validate_json((folder / "outcome.json").read_text())


def test_two_models_are_scored_compared_and_published(
    store: Store, minio: MinioServer, sandbox: SandboxServer, tmp_path: Path
) -> None:
    code, outcome = run(store, minio, sandbox, tmp_path)
    assert (code, outcome.status) == (0, "done")
    found = outcome.results
    assert found["sft-new/steplang/pass@1"] == 0
    assert found["rlef-taught/steplang/pass@1"] == 1
    assert found["gain/steplang/pass@1"] == found["gain/steplang/low"] == 1
    assert found["rlef-taught/humaneval/pass@1"] == 0

    assert outcome.artifact
    made = tmp_path / "artifact"
    store.fetch(store.key(outcome.artifact.uri), made)
    samples = (made / "samples" / "rlef-taught-steplang.jsonl").read_text().splitlines()
    assert {json.loads(line)["verdict"] for line in samples} == {"PASS"}
    scores = json.loads((made / "scores.json").read_text())
    assert len(scores["scores"]) == 4
    assert scores["fingerprints"]["sft-new/humaneval"]["promptStripped"] is False
    assert scores["fingerprints"]["sft-new/humaneval"]["promptsShortened"] > 0
    assert "+1.0000" in (made / "report.md").read_text()
    assert "<table>" in (made / "report.html").read_text()


def test_a_benchmark_whose_reference_fails_publishes_nothing(
    store: Store, minio: MinioServer, sandbox: SandboxServer, tmp_path: Path
) -> None:
    broken = [PROBLEMS[0] | {"solution": "def f(x, y):\n    return None\n"}]
    store.write("broken.jsonl", json.dumps(broken[0]) + "\n")
    changes = {"benchmarks": [{"name": "steplang", "key": "broken.jsonl"}]}
    code, outcome = run(store, minio, sandbox, tmp_path, **changes)
    assert (code, outcome.reason) == (1, "SelfTestFailed")
    assert outcome.artifact is None


def test_an_answer_that_leaves_no_room_is_the_users_mistake(
    store: Store, minio: MinioServer, sandbox: SandboxServer, tmp_path: Path
) -> None:
    changes = {"benchmarks": [{"name": "humaneval", "limit": 1, "maxNewTokens": 256}]}
    code, outcome = run(store, minio, sandbox, tmp_path, **changes)
    assert (code, outcome.reason) == (2, "UserError")
    assert "maxNewTokens 256" in outcome.message
