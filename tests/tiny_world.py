"""A tiny corpus, tokenizer and model, made here, for the tests of training."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from oremill import names
from oremill.specs.artifact import Input, Manifest, Order, Outcome
from oremill.specs.pretrain import PretrainJobSpec
from pipeline_steps import sentinels
from pipeline_steps.evaluate import steplang
from pipeline_steps.storage import Store
from tests.minio_server import MinioServer

LONG = "".join(
    f"def function_{number}(a, b):\n    return a + b * {number}\n" for number in range(90)
)


def texts(count: int = 300) -> dict[str, list[str]]:
    """Return documents by source: many short ones, and a few longer than a row."""
    return {"steplang": steplang.documents(0, count), "packages": [LONG, LONG[::-1], LONG[500:]]}


def write_corpus(folder: Path, sources: dict[str, list[str]]) -> Path:
    """Write a corpus as a DataCorpus does."""
    rows = [
        {"id": f"{source}/{number}", "source": source, "content": text}
        for source, found in sources.items()
        for number, text in enumerate(found)
    ]
    (folder / "data").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "data/shard-00000.parquet")
    return folder


def write_tokenizer(folder: Path, vocabulary: int = 400) -> Tokenizer:
    """Train a byte-level BPE with the sentinels at their places, and write its files."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(sentinels.SENTINELS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text for found in texts().values() for text in found], trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": sentinels.END_OF_TEXT,
        "pad_token": sentinels.PAD,
        "chat_template": sentinels.CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return tokenizer


def publish(store: Store, kind: str, folder: Path) -> Input:
    """Upload a folder as a finished artifact, and return it as a stage's input."""
    prefix = f"inputs/{kind.lower()}"
    manifest = Manifest(
        kind=kind, namespace="n", name="x", digest=kind, created_at="t", recipe=1, spec={}
    )
    store.publish(folder, prefix, manifest)
    fields = {"DataCorpus": "corpusRef", "TokenizerJob": "tokenizerRef"}
    return Input(name=fields.get(kind, "modelRef"), kind=kind, uri=store.uri(prefix), digest=kind)


def pretrain_order(store: Store, folder: Path, name: str, **spec: Any) -> Order:
    """Return the order of a small PretrainJob, whose inputs are in the bucket then."""
    corpus = write_corpus(folder / "corpus", texts())
    write_tokenizer(folder / "tokenizer")
    sizes = {"hiddenSize": 32, "layers": 1, "heads": 2, "kvHeads": 1, "intermediateSize": 64}
    return Order(
        kind="PretrainJob",
        namespace="n",
        name=name,
        uid="u",
        generation=1,
        spec={
            "corpusRef": {"name": "x"},
            "tokenizerRef": {"name": "x"},
            "model": sizes | {"contextLength": 64},
            "tokens": 60 * 512,
            "batch": {"tokens": 512, "microSequences": 4},
            "fim": {"startAtTokens": 30 * 512},
            "checkpoint": {"everySteps": 8},
            **spec,
        },
        inputs=[
            publish(store, "DataCorpus", corpus),
            publish(store, "TokenizerJob", folder / "tokenizer"),
        ],
        storage=store.target,
    )


def sft_order(store: Store, folder: Path, name: str, **spec: Any) -> Order:
    """Return the order of a small SFTJob; its model has random weights."""
    base = write_model(folder / "model")
    lines = [json.dumps(one) for one in steplang.conversations(0, 64)]
    store.write("inputs/sft.jsonl", "\n".join(lines))
    return Order(
        kind="SFTJob",
        namespace="n",
        name=name,
        uid="u",
        generation=1,
        spec={
            "modelRef": {"kind": "PretrainJob", "name": "x"},
            "sources": [{"key": "inputs/sft.jsonl"}],
            "epochs": 15,
            "batchSize": 16,
            "optimizer": {"peakLr": 3e-3},
            "checkpoint": {"everySteps": 8},
            **spec,
        },
        inputs=[publish(store, "PretrainJob", base)],
        storage=store.target,
    )


def write_model(folder: Path) -> Path:
    """Write a model's folder, with first weights and a tokenizer."""
    from pipeline_steps.pretrain import model

    tokenizer = write_tokenizer(folder / "tokenizer")
    spec = PretrainJobSpec.model_validate(
        {
            "corpusRef": {"name": "x"},
            "tokenizerRef": {"name": "x"},
            "tokens": "1M",
            "model": {"hiddenSize": 32, "layers": 1, "heads": 2, "kvHeads": 1},
        }
    )
    network = model.build(spec, tokenizer.get_vocab_size(), 0, 1)
    made = folder / "hf"
    made.mkdir()
    model.save(network, network.state_dict(), folder / "tokenizer", [0], made)
    return made


@dataclass
class Pod:
    """A training pod on this machine: PID 1, with scratch and outcome of its own."""

    minio: MinioServer
    folder: Path
    order: Order

    def start(self, ranks: int = 1) -> "subprocess.Popen[str]":
        """Start PID 1; its log comes through `stderr`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "spec.json").write_text(self.order.model_dump_json(by_alias=True))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(["operator", "."]),
            "DS_ACCELERATOR": "cpu",
            "OMP_NUM_THREADS": "1",
            "PET_NNODES": "1",
            "PET_NPROC_PER_NODE": str(ranks),
            "PET_NODE_RANK": "0",
            "PET_MASTER_ADDR": "127.0.0.1",
            "PET_MASTER_PORT": str(port),
            "OREMILL_SPEC": str(self.folder / "spec.json"),
            "OREMILL_STORAGE_SECRET": str(self.minio.secret),
            "OREMILL_SCRATCH": str(self.folder / "scratch"),
            "OREMILL_TERMINATION_LOG": str(self.folder / "outcome.json"),
            "OREMILL_PROGRESS_PORT": "0",
        }
        module = f"pipeline_steps.{names.WORDS[self.order.kind]}"
        return subprocess.Popen(
            [sys.executable, "-m", module], env=environment, stderr=subprocess.PIPE, text=True
        )

    def run(self, ranks: int = 1) -> str:
        """Run to the end, which must be a good one; return the log."""
        process = self.start(ranks)
        _, log = process.communicate()
        assert process.returncode == names.EXIT_DONE, log
        return log

    def preempt(self, line: str, ranks: int = 1) -> str:
        """Run until the log has `line`, send SIGTERM, and lose the pod's disk; return the log."""
        process = self.start(ranks)
        assert process.stderr is not None
        head = ""
        while line not in head:
            part = process.stderr.readline()
            assert part, head
            head += part
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate()
        assert process.returncode == names.EXIT_RESUMABLE, head + log
        shutil.rmtree(self.folder / "scratch")
        return head + log

    @property
    def outcome(self) -> Outcome:
        """The termination message."""
        return Outcome.model_validate_json((self.folder / "outcome.json").read_text())

    @property
    def model(self) -> Path:
        """The folder that was published."""
        return self.folder / "scratch" / "model"
