"""Byte-level BPE with Hugging Face tokenizers: how text is cut, learned, and written down.

Every byte is in the alphabet, so any text comes back exactly. Sentinels take the first ids, in
their order. The cut decides more than the size of the vocabulary does. It follows OpenAI's cl100k,
with changes for code, each measured on Python and JavaScript (8,000 tokens, bytes per token):

    GPT-2's cut                                                             3.33
    cl100k's with single digits, without English contractions               3.40
    + a space may belong to the digit that follows                          3.44
    + a line end, and signs before it, take the next line's indentation     3.63

Contractions are left out, since they would cut `'text'` after `'t`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from pipeline_steps import sentinels

DIGITS = {"single": r"\p{N}", "triples": r"\p{N}{1,3}", "free": r"\p{N}+"}
# The last space before a word, a number or a sign belongs to it; runs of white space stay whole.
_INDENT = r"[\r\n]+(?:[ \t]+(?!\S))?"
CUT = (
    r"[^\r\n\p{L}\p{N}]?\p{L}+"  # a word, with one sign or space before it
    r"| ?DIGITS"
    rf"| ?[^\s\p{{L}}\p{{N}}]+(?:{_INDENT})?"  # signs, with the line end that follows
    rf"|\s*{_INDENT}"
    r"|\s+(?!\S)|\s+"
)
_SENTINEL = re.compile("|".join(map(re.escape, sentinels.SENTINELS)))


def train(texts: Iterable[str], vocab_size: int, min_frequency: int, digits: str) -> Tokenizer:
    """Learn merges from texts; `digits` is a key of DIGITS."""
    cut = pre_tokenizers.Split(Regex(CUT.replace("DIGITS", DIGITS[digits])), "isolated")
    return _learned(texts, vocab_size, min_frequency, cut)


def train_like_gpt2(texts: Iterable[str], vocab_size: int, min_frequency: int) -> Tokenizer:
    """Learn from the same texts with GPT-2's cut, to compare with."""
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return _learned(texts, vocab_size, min_frequency, cut)


def _learned(
    texts: Iterable[str], vocab_size: int, min_frequency: int, cut: pre_tokenizers.PreTokenizer
) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if isinstance(cut, pre_tokenizers.ByteLevel):
        tokenizer.pre_tokenizer = cut
    else:
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[
            AddedToken(text, special=True, normalized=False) for text in sentinels.SENTINELS
        ],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_between_sentinels(texts), trainer)
    return _with_plain_placeholders(tokenizer)


def _with_plain_placeholders(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer with placeholders that are not special: the trainer makes all so."""
    state = json.loads(tokenizer.to_str())
    for token in state["added_tokens"]:
        token["special"] = token["content"] not in sentinels.PLACEHOLDERS
    return Tokenizer.from_str(json.dumps(state))


def _between_sentinels(texts: Iterable[str]) -> Iterator[str]:
    """Yield the texts without sentinels: these are tokens already, and none is to be learned."""
    for text in texts:
        yield from filter(None, _SENTINEL.split(text))


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write what `transformers.AutoTokenizer.from_pretrained(folder)` opens."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    text = json.dumps(_config(tokenizer), indent=2, ensure_ascii=False)
    (folder / "tokenizer_config.json").write_text(text + "\n")


def _config(tokenizer: Tokenizer) -> dict[str, Any]:
    others = set(sentinels.SENTINELS) - {sentinels.END_OF_TEXT, sentinels.PAD}
    special = others - set(sentinels.PLACEHOLDERS)
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": sentinels.END_OF_TEXT,
        "pad_token": sentinels.PAD,
        "additional_special_tokens": [text for text in sentinels.SENTINELS if text in special],
        "chat_template": sentinels.CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,  # code comes back as it was
        "model_input_names": ["input_ids", "attention_mask"],
        "added_tokens_decoder": {
            str(tokenizer.token_to_id(text)): {
                "content": text,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": text not in sentinels.PLACEHOLDERS,
            }
            for text in sentinels.SENTINELS
        },
    }
