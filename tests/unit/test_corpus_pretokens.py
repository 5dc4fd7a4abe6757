"""Tokens of a text before there is a tokenizer."""

import pytest

from pipeline_steps.corpus import pretokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" ", 0),
        ("word", 1),
        ("two words", 2),
        ("a_name", 3),
        ("f(x)", 4),
        ("12345", 2),
        ("    indented\n", 3),
        ("\r\n\r\n", 1),
        ("antidisestablishmentarianism", 3),
        ("=" * 8, 2),
        ("größe", 1),
    ],
    ids=repr,
)
def test_runs_count_as_tokenizers_cut_them(text: str, tokens: int) -> None:
    assert pretokens.count(text.encode()) == tokens


def test_a_text_counts_as_many_tokens_as_its_lines_when_they_are_counted_apart() -> None:
    lines = ["def f(x):\n", "    return x + 1234567\n", "\n"]
    whole = pretokens.count("".join(lines[:2]).encode())
    assert whole == sum(pretokens.count(line.encode()) for line in lines[:2])
