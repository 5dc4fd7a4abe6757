"""Which tokens a step sees: all of the corpus, in the mixture's shares, FIM from its start."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from pipeline_steps.errors import UserError
from pipeline_steps.pretrain import documents, fim
from pipeline_steps.pretrain.reader import IGNORED, Reader, Recipe, labels, predicted
from tests import tiny_world

RECIPE = Recipe(
    context=256, batch_tokens=1024, steps=120, seed=3, marks=fim.Marks(2, 3, 4), end=0, pad=1
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return tiny_world.write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> documents.Documents:
    folder = tmp_path_factory.mktemp("corpus")
    tiny_world.write_corpus(folder, tiny_world.texts(600))
    documents.write(folder, tokenizer, folder / "documents")
    return documents.Documents.open(folder / "documents")


def seen(reader: Reader, steps: range) -> list[np.ndarray]:
    """Return the documents, or parts of them, in the rows of some steps."""
    rows = np.concatenate([reader.rows(step) for step in steps])
    parts = [part for row in rows for part in np.split(row, np.flatnonzero(row == 0) + 1)]
    return [part for part in parts if len(part) and part[0] != RECIPE.pad]


def test_a_document_is_stored_as_its_text_and_an_end(
    corpus: documents.Documents, tokenizer: Tokenizer
) -> None:
    text = tiny_world.texts(600)["steplang"][5]
    start, stop = corpus.starts[5:7]
    assert corpus.tokens[stop - 1] == 0
    assert tokenizer.decode(corpus.tokens[start : stop - 1].tolist()) == text


def test_a_special_token_spelled_in_a_document_is_plain_text(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    tiny_world.write_corpus(tmp_path, {"s": ["a <|endoftext|> <|fim_middle|> b"]})
    documents.write(tmp_path, tokenizer, tmp_path / "documents")
    found = documents.Documents.open(tmp_path / "documents")
    assert (found.tokens[:-1] > 10).all()
    assert tokenizer.decode(found.tokens[:-1].tolist()) == "a <|endoftext|> <|fim_middle|> b"


def test_an_empty_corpus_is_the_users_mistake(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match=r"spec\.corpusRef"):
        documents.write(tmp_path, tokenizer, tmp_path / "documents")


def test_a_step_has_the_same_rows_whoever_asks_and_in_whatever_order(
    corpus: documents.Documents,
) -> None:
    recipe = replace(RECIPE, fim_rate=0.5, spm_rate=0.5, fim_start=40 * 1024)
    first, second = Reader(corpus, recipe), Reader(corpus, recipe)
    forward = [first.rows(step) for step in range(120)]
    for step in (119, 3, 40, 39, 0):
        assert np.array_equal(second.rows(step), forward[step])


def test_another_seed_is_another_order(corpus: documents.Documents) -> None:
    other = Reader(corpus, replace(RECIPE, seed=4))
    assert not np.array_equal(Reader(corpus, RECIPE).rows(0), other.rows(0))


def test_rows_are_full(corpus: documents.Documents) -> None:
    rows = np.concatenate([Reader(corpus, RECIPE).rows(step) for step in range(120)])
    assert (rows != RECIPE.pad).mean() >= 0.99


def test_a_pass_shows_documents_alike_and_held_out_ones_never(corpus: documents.Documents) -> None:
    held_out = corpus.held_out
    assert 0 < held_out.sum() < len(held_out) / 20
    reader = Reader(corpus, RECIPE)
    counts = Counter(
        chunk.document
        for segment in reader.segments
        for row in reader._packed(segment)
        for chunk in row
        if chunk.number == 0
    )
    assert not set(counts) & set(np.flatnonzero(held_out).tolist())
    passes = RECIPE.steps * RECIPE.batch_tokens / corpus.lengths[~held_out].sum()
    assert np.mean([counts[one] for one in np.flatnonzero(~held_out).tolist()]) == pytest.approx(
        passes, rel=0.1
    )


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_sources_count_by_their_weight_in_tokens(corpus: documents.Documents, share: float) -> None:
    mixture = {"steplang": 5 * share, "packages": 5 * (1 - share)}
    reader = Reader(corpus, replace(RECIPE, mixture=mixture))
    tokens: Counter[str] = Counter()
    for segment in reader.segments:
        for chunk in (chunk for row in reader._packed(segment) for chunk in row):
            tokens[corpus.names[corpus.sources[chunk.document]]] += chunk.length
    assert tokens["steplang"] / tokens.total() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    "mixture",
    [{"steplang": 1.0}, {"steplang": 1, "packages": 1, "x": 1}, {"steplang": 0, "packages": 0}],
)
def test_a_mixture_that_is_not_of_the_corpus_is_refused(
    corpus: documents.Documents, mixture: dict[str, float]
) -> None:
    with pytest.raises(UserError, match=r"spec\.mixture.*packages, steplang"):
        Reader(corpus, replace(RECIPE, mixture=mixture)).rows(0)


def test_fim_starts_where_the_spec_says_and_inverts_to_the_corpus(
    corpus: documents.Documents,
) -> None:
    recipe = replace(RECIPE, fim_rate=0.5, spm_rate=0.5, fim_start=40 * 1024)
    reader = Reader(corpus, recipe)
    before, after = seen(reader, range(40)), seen(reader, range(40, 120))
    assert not any((part == recipe.marks.prefix).any() for part in before)
    made = [part for part in after if part[0] == recipe.marks.prefix]
    whole = corpus.tokens.tobytes()
    assert 0.4 < len(made) / len(after) < 0.6
    for part in made[:200]:
        source = fim.restored(part[:-1], recipe.marks).astype(corpus.tokens.dtype)
        assert source.tobytes() in whole


def test_padding_has_no_loss_and_is_not_counted() -> None:
    rows = np.array([[7, 8, 0, 1], [7, 0, 1, 1]])
    assert labels(rows, pad=1).tolist() == [[7, 8, 0, IGNORED], [7, 0, IGNORED, IGNORED]]
    assert predicted(rows, pad=1) == 3
