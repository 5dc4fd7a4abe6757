"""What a tokenizer is trained on and measured on."""

from hashlib import sha256
from pathlib import Path

import pytest

from pipeline_steps.corpus import shards
from pipeline_steps.evaluate import steplang
from pipeline_steps.tokenizer import report, training
from pipeline_steps.tokenizer.sample import Sample, shares


def corpus(folder: Path, languages: dict[str, int]) -> Path:
    """Write a corpus with so many documents of each language, 100 bytes each."""
    with shards.Writer(folder / "data" / "shard-00000.parquet", shards.SCHEMA) as out:
        for language, count in languages.items():
            for number in range(count):
                digest = sha256(f"{language}/{number}".encode()).hexdigest()[:32]
                content = f"{language} {number} ".ljust(100, "x")
                place = {"source": "s", "repository": "r", "path": f"{number}", "licence": "MIT"}
                row = {"language": language, "content": content, "bytes": 100, **place}
                out.write({"id": digest, **row}, 100)
    return folder


@pytest.mark.parametrize(
    ("sizes", "budget", "wanted"),
    [
        ({"a": 100, "b": 100}, 100, {"a": 50, "b": 50}),
        ({"a": 10, "b": 100, "c": 100}, 110, {"a": 10, "b": 50, "c": 50}),
        ({"a": 10, "b": 20}, 1000, {"a": 10, "b": 20}),
        ({}, 10, {}),
    ],
    ids=["equal", "a small one leaves its rest to others", "all", "none"],
)
def test_a_budget_is_shared_evenly(
    sizes: dict[str, int], budget: int, wanted: dict[str, float]
) -> None:
    assert shares(sizes, budget) == wanted


def test_every_fiftieth_document_is_measured_on_and_never_learned_from(tmp_path: Path) -> None:
    sample = Sample.plan(corpus(tmp_path, {"A": 200}), 10**9)
    held_out, learned = list(sample.held_out()), list(sample.training())
    assert (len(held_out), len(learned)) == (4, 196)
    assert not {one.id for one in held_out} & {one.id for one in learned}


def test_a_sample_is_even_by_language_and_near_its_budget(tmp_path: Path) -> None:
    sample = Sample.plan(corpus(tmp_path, {"A": 4000, "B": 1000}), 60_000)
    taken = [document.language for document in sample.training()]
    assert sample.bytes == 60_000
    assert abs(taken.count("A") - 300) < 60 and abs(taken.count("B") - 300) < 60
    assert taken == [document.language for document in sample.training()]


def test_a_tiny_corpus_is_measured_on_itself_and_says_so(tmp_path: Path) -> None:
    sample = Sample.plan(corpus(tmp_path, {"A": 3}), 10**9)
    assert not sample.has_held_out
    assert len(list(sample.held_out())) == len(list(sample.training())) == 3


def test_fit_counts_bytes_for_each_language(tmp_path: Path) -> None:
    tokenizer = training.train(steplang.documents(0, 100), 600, 2, "single")
    sample = Sample.plan(corpus(tmp_path, {"A": 60, "B": 60}), 10**9)
    fit = report.measure(tokenizer, sample.held_out())
    shown = fit.by_language()
    assert fit.overall == pytest.approx(fit.bytes.total() / fit.tokens.total(), abs=1e-4)
    assert {name: row["bytes"] for name, row in shown.items()} == {"A": 100, "B": 100}


def test_our_cut_needs_fewer_tokens_for_code_than_gpt2s() -> None:
    texts = steplang.documents(0, 3000)
    ours = training.train(texts[:-300], 600, 2, "single")
    theirs = training.train_like_gpt2(texts[:-300], 600, 2)
    needed = [sum(len(one.encode(text)) for text in texts[-300:]) for one in (ours, theirs)]
    assert needed[0] < needed[1]
