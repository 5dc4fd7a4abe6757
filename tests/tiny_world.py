"""A tiny corpus, tokenizer and model, made here, for the tests of training."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from oremill.specs.artifact import Input, Manifest, Order
from pipeline_steps import sentinels
from pipeline_steps.evaluate import steplang
from pipeline_steps.storage import Store

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
    names = {"DataCorpus": "corpusRef", "TokenizerJob": "tokenizerRef"}
    return Input(name=names.get(kind, "modelRef"), kind=kind, uri=store.uri(prefix), digest=kind)


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
            "tokens": 24 * 512,
            "batch": {"tokens": 512, "microSequences": 4},
            "fim": {"startAtTokens": 12 * 512},
            "checkpoint": {"everySteps": 4},
            **spec,
        },
        inputs=[
            publish(store, "DataCorpus", corpus),
            publish(store, "TokenizerJob", folder / "tokenizer"),
        ],
        storage=store.target,
    )
