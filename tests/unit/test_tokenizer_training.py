"""The vocabulary: exact on any text, sentinels first, the same bytes every time."""

import json
import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from pipeline_steps import sentinels
from pipeline_steps.evaluate import steplang
from pipeline_steps.tokenizer import training

SOURCES = [path.read_text() for path in sorted(Path(__file__).parent.glob("test_corpus_*.py"))]
TEXTS = [*SOURCES, *steplang.documents(0, 500)]


@pytest.fixture(scope="module")
def made() -> Tokenizer:
    return training.train(TEXTS, 1024, 2, "single")


def spelled(tokenizer: Tokenizer, text: str) -> list[str]:
    return [
        tokenizer.decode([one], skip_special_tokens=False) for one in tokenizer.encode(text).ids
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def f(x):\r\n\treturn x\r\n",
        "\tif a:\n\t\tb\n\n\n    c  \n",
        "nul \0 and form feed \x0c and bell \x07",
        "é ü ß 漢字 🙂 \u200b \ufeff a\u0301",
        " \n \r \t  ",
        "x = 1234567890.5e-3  # 12 345",
        "'text' isn't \"t's\"",
        "".join(map(chr, range(256))),
    ],
    ids=lambda text: repr(text)[:24],
)
def test_any_text_comes_back_exactly(made: Tokenizer, text: str) -> None:
    assert made.decode(made.encode(text).ids, skip_special_tokens=False) == text


def test_random_text_comes_back_exactly(made: Tokenizer) -> None:
    chosen = random.Random(1)
    for _ in range(300):
        text = chosen.randbytes(chosen.randrange(200)).decode("utf-8", "replace")
        spaced = "".join(chosen.choice(" \t\r\n\x0cab1(") for _ in range(100))
        for one in (text, spaced):
            assert made.decode(made.encode(one).ids, skip_special_tokens=False) == one


def test_sentinels_have_the_first_ids_and_are_single_tokens(made: Tokenizer) -> None:
    for position, text in enumerate(sentinels.SENTINELS):
        assert made.token_to_id(text) == position
        assert made.encode(f"a{text}b").ids.count(position) == 1


def test_text_encoded_with_special_tokens_off_spells_none(made: Tokenizer) -> None:
    made.encode_special_tokens = True
    try:
        for text in set(sentinels.SENTINELS) - set(sentinels.PLACEHOLDERS):
            ids = made.encode(text).ids
            assert min(ids) >= len(sentinels.SENTINELS)
            assert made.decode(ids) == text
        for text in sentinels.PLACEHOLDERS:
            assert made.encode(text).ids == [sentinels.SENTINELS.index(text)]
    finally:
        made.encode_special_tokens = False


def test_vocabulary_has_the_size_that_was_asked_for(made: Tokenizer) -> None:
    assert made.get_vocab_size() == 1024


@pytest.mark.parametrize(
    ("digits", "wanted"),
    [
        ("single", [" 1", "2", "3", "4"]),
        ("triples", [" 123", "4"]),
        ("free", [" 1234"]),
    ],
)
def test_digits_are_cut_as_the_spec_says(digits: str, wanted: list[str]) -> None:
    tokenizer = training.train(["x = 1234\n" * 50], 600, 2, digits)
    assert spelled(tokenizer, " 1234") == wanted


def test_indentation_is_one_token_with_its_line_end(made: Tokenizer) -> None:
    assert spelled(made, "def f(x, y):\n    return x\n")[-4:] == ["):\n   ", " return", " x", "\n"]


def test_the_same_texts_give_the_same_bytes(made: Tokenizer, tmp_path: Path) -> None:
    training.save(made, tmp_path / "a")
    training.save(training.train(iter(TEXTS), 1024, 2, "single"), tmp_path / "b")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_placeholders_in_the_corpus_teach_no_merges() -> None:
    tokenizer = training.train(["<KEY><EMAIL>" * 1000 + "abab" * 10], 600, 2, "single")
    learned = set(tokenizer.get_vocab()) - set(sentinels.SENTINELS)
    assert not any("KEY" in token or "MAIL" in token for token in learned)


def test_transformers_opens_it_with_its_chat_template(made: Tokenizer, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    training.save(made, tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (loaded.eos_token_id, loaded.pad_token_id) == (0, 1)
    assert sorted(loaded.all_special_ids) == [
        number
        for number, text in enumerate(sentinels.SENTINELS)
        if text not in sentinels.PLACEHOLDERS
    ]
    text = SOURCES[0]
    assert loaded(text, add_special_tokens=True)["input_ids"] == made.encode(text).ids
    assert loaded.decode(loaded(text)["input_ids"]) == text
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]
    shown = loaded.apply_chat_template(chat, tokenize=False)
    assert shown == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n"
    mask = loaded.apply_chat_template(
        chat, return_dict=True, return_assistant_tokens_mask=True, tokenize=True
    )
    spoken = [i for i, m in zip(mask["input_ids"], mask["assistant_masks"], strict=True) if m]
    assert loaded.decode(spoken) == "yes<|im_end|>"


def test_the_config_is_plain_json(made: Tokenizer, tmp_path: Path) -> None:
    training.save(made, tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert config["chat_template"] == sentinels.CHAT_TEMPLATE
