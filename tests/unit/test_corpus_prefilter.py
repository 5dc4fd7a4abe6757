"""Hints are found wherever they are, whatever the case, and nowhere else."""

import random

import pytest

from pipeline_steps.corpus.prefilter import Hits, Prefilter, windows

WORDS = ("sk", "SKY", "key", "a-key", "://", '"d"', "q~", "aaa", "(c)")


def searched(text: str, words: tuple[str, ...]) -> Hits:
    """Return what a search word by word, place by place, finds."""
    lowered = "".join(one.lower() if one.isascii() else one for one in text)
    places = {
        word.lower(): [at for at in range(len(text)) if lowered.startswith(word.lower(), at)]
        for word in words
    }
    return {word: found for word, found in places.items() if found}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "sk",
        "SK",
        "xsky",
        "a-Key",
        "Aaaaa",
        "é sk 中 KEY",
        '"D"',
        "http://(C)",
        "K\u017f sK",
    ],
)
def test_every_place_of_every_hint_is_found(text: str) -> None:
    assert Prefilter(WORDS).find(text) == searched(text, WORDS)


@pytest.mark.parametrize("letters", ["sky -", "sSkKéY://aq~", '"dDaA(c)'])
def test_drawn_texts_are_searched_rightly(letters: str) -> None:
    prefilter, chosen = Prefilter(WORDS), random.Random(letters)
    for size in (3, 20, 400, 3000):  # in the longest are more hits than are expected
        text = "".join(chosen.choices(letters, k=size))
        assert prefilter.find(text) == searched(text, WORDS)


def test_places_in_bytes_are_told_for_bytes() -> None:
    assert Prefilter(["sk"]).find_bytes("é sk".encode()) == {"sk": [3]}
    assert Prefilter(["sk"]).find("é sk") == {"sk": [2]}


def test_stretches_that_overlap_are_joined() -> None:
    assert list(windows([50, 10, 12, 90], 5, 20, 100)) == [(5, 32), (45, 70), (85, 100)]
    assert list(windows([], 5, 20, 100)) == []
