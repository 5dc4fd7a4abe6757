"""A whole RLEFJob as its pod runs it: torchrun, DeepSpeed, a real bucket, a real sandbox.

The model is trained here, in seconds, to answer its one question with a right or a wrong program
at equal odds. Which of them is right can be learned from verdicts alone.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402

from oremill.specs.artifact import Input, Manifest, Order, Outcome  # noqa: E402
from pipeline_steps.sentinels import CHAT_TEMPLATE, IM_END, PAD, SENTINELS  # noqa: E402
from pipeline_steps.storage import Store  # noqa: E402
from tests.minio_server import MinioServer  # noqa: E402
from tests.sandbox_server import SandboxServer  # noqa: E402

ROOT = Path(__file__).parents[2]
STEPS = 20
RIGHT, WRONG = "def f(x):\n return x+1\n", "def f(x):\n return x-1\n"
PROBLEM = {
    "task_id": "next", "prompt": "next", "entry_point": "f", "solution": RIGHT,
    "tests": [{"args": [number], "expected": number + 1} for number in (0, 5, -3)],
}  # fmt: skip
SPEC = {
    "modelRef": {"kind": "SFTJob", "name": "start"},
    "problems": {"key": "problems.jsonl"},
    "steps": STEPS,
    "promptsPerStep": 4,
    "groupSize": 8,
    "sampling": {"maxNewTokens": 40},
    "optimizer": {"peakLr": 1e-3},
    "checkpoint": {"everySteps": 5},
}


def tokenizer() -> Any:
    """Return a tokenizer whose tokens are bytes and sentinels."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.train_from_iterator(
        [],
        trainers.BpeTrainer(
            special_tokens=list(SENTINELS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=IM_END, pad_token=PAD, chat_template=CHAT_TEMPLATE
    )


def undecided_model(folder: Path) -> None:
    """Write a model that answers RIGHT or WRONG, each half of the time."""
    words = tokenizer()
    question = {"role": "user", "content": PROBLEM["prompt"]}
    rows = [
        words.apply_chat_template(
            [question, {"role": "assistant", "content": text}], return_dict=False
        )
        for text in (RIGHT, WRONG)
    ]
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        tie_word_embeddings=True, pad_token_id=words.pad_token_id,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    ids = torch.tensor(rows)
    for _ in range(400):
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    words.save_pretrained(folder, save_jinja_files=False)  # in tokenizer_config.json, as ours


@dataclass(frozen=True)
class Job:
    """An RLEFJob outside a cluster."""

    store: Store
    minio: MinioServer
    sandbox: SandboxServer
    folder: Path
    port: int

    def write(self, name: str, start: Input, **changes: Any) -> None:
        """Write the order of the operator."""
        order = Order(
            kind="RLEFJob", namespace="n", name=name, uid="u", generation=1, spec=SPEC | changes,
            inputs=[start], storage=self.store.target, sandbox_url=self.sandbox.url,
        )  # fmt: skip
        (self.folder / "spec.json").write_text(order.model_dump_json(by_alias=True))

    def begin(self) -> subprocess.Popen[bytes]:
        """Start the pod's process."""
        places = {
            "SPEC": self.folder / "spec.json", "STORAGE_SECRET": self.minio.secret,
            "SANDBOX_TOKEN": self.sandbox.token_file, "SCRATCH": self.folder / "scratch",
            "TERMINATION_LOG": self.folder / "outcome.json", "PROGRESS_PORT": self.port,
        }  # fmt: skip
        environment = {f"OREMILL_{name}": str(value) for name, value in places.items()}
        environment |= {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}", "DS_ACCELERATOR": "cpu",
            "OMP_NUM_THREADS": "1", "PET_NNODES": "1", "PET_NPROC_PER_NODE": "1",
            "PET_NODE_RANK": "0", "PET_MASTER_ADDR": "127.0.0.1",
            "PET_MASTER_PORT": str(free_port()),
        }  # fmt: skip
        command = [sys.executable, "-m", "pipeline_steps.rlef"]
        return subprocess.Popen(command, env=os.environ | environment, cwd=self.folder)

    def progress(self) -> int:
        """Return how many steps are done; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/progress", timeout=5
            ) as page:
                return int(json.load(page)["step"])
        except OSError:
            return 0

    def outcome(self) -> Outcome:
        """Return the termination message."""
        return Outcome.model_validate_json((self.folder / "outcome.json").read_text())


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def store(minio: MinioServer) -> Store:
    return minio.store(f"rlef-{free_port()}")


@pytest.fixture
def start(store: Store, tmp_path: Path) -> Input:
    """The artifact of an SFTJob, and the problems."""
    undecided_model(tmp_path / "model")
    manifest = Manifest(
        kind="SFTJob", namespace="n", name="start", digest="d" * 64, recipe=1, spec={},
        created_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    store.publish(tmp_path / "model", "n/sft/start/d", manifest)
    store.write("problems.jsonl", json.dumps(PROBLEM) + "\n")
    return Input(name="modelRef", kind="SFTJob", uri=store.uri("n/sft/start/d"), digest="d" * 64)


@pytest.fixture
def job(store: Store, minio: MinioServer, sandbox: SandboxServer, tmp_path: Path) -> Job:
    return Job(store, minio, sandbox, tmp_path, free_port())


def fetched(job: Job, folder: Path) -> tuple[Path, list[dict[str, float]]]:
    artifact = job.outcome().artifact
    assert artifact is not None
    folder.mkdir()
    job.store.fetch(job.store.key(artifact.uri), folder)
    return folder, [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_a_model_learns_from_verdicts_and_resumes_to_the_same_curve(
    job: Job, start: Input, tmp_path: Path
) -> None:
    job.write("whole", start)
    assert job.begin().wait(300) == 0
    folder, curve = fetched(job, tmp_path / "whole")
    assert [point["step"] for point in curve] == list(range(1, STEPS + 1))
    passed = [point["pass_rate"] for point in curve]
    assert sum(passed[-5:]) / 5 > sum(passed[:2]) / 2 + 0.1
    assert max(point["logprob_mismatch"] for point in curve) < 1e-4
    answered(folder)
    samples = [json.loads(line) for line in (folder / "rollouts.jsonl").read_text().splitlines()]
    verdicts = [sample["verdict"] for sample in samples]
    assert len(verdicts) == 32 and verdicts.count("PASS") > 16

    job.write("stopped", start)
    stopped = job.begin()
    while job.progress() < 2 and stopped.poll() is None:
        time.sleep(0.05)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(300) == 75
    assert job.outcome().status == "resumable"
    assert job.begin().wait(300) == 0
    _, again = fetched(job, tmp_path / "again")
    timing = {name for name in curve[0] if name.endswith("_seconds")}
    assert timing == {"generate_seconds", "execute_seconds", "train_seconds"}
    for first, second in zip(curve, again, strict=True):
        assert {k: v for k, v in first.items() if k not in timing} == {
            k: v for k, v in second.items() if k not in timing
        }


def answered(folder: Path) -> None:
    """The artifact opens with transformers alone, and answers the question rightly."""
    words = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    question = [{"role": "user", "content": PROBLEM["prompt"]}]
    ids = words.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt")
    answer = model.generate(**ids, max_new_tokens=40, do_sample=False)[
        0, ids["input_ids"].shape[1] :
    ]
    assert words.decode(answer) == RIGHT + IM_END
