"""Planted near-duplicates: pairs of texts whose Jaccard similarity is known.

A base is a real file in which a quarter of the words have other names, so that it is like no file
of the corpus. A copy is the base with words replaced in a few places. The similarity that counts is
measured afterwards, on the shingles by which near-duplicates are defined.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from pipeline_steps.corpus.shingles import jaccard, shingles

SHINGLE = 5  # words, as in the defaults of every tool compared here
RENAMED = 0.25  # share of a base's words; leaves 0.75^5 of its shingles, a similarity of 0.13
PLACES = 8  # in which a copy differs, at most
TRIES = 4  # draws until a copy is as similar as it should be
# Similarity from and below -> pairs. At 25 bands of 10 rows a copy of .80 is found with p = .941,
# one of .81 with .961, of .85 with .996; one below .70 must stay, found or not.
WANTED = {
    (0.60, 0.70): 400,
    (0.70, 0.80): 200,
    (0.80, 0.82): 1200,
    (0.85, 0.87): 600,
    (0.90, 0.95): 200,
}
_WORD, _NAME = re.compile(r"\w+"), re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Pair:
    """A base, its copy, and the Jaccard similarity of their shingles."""

    base: str
    copy: str
    similarity: float


def pairs(texts: Sequence[str], seed: int, scale: float = 1.0) -> Iterator[Pair]:
    """Yield the pairs of WANTED, each from another text.

    Args:
        texts: real files.
        seed: of all draws.
        scale: share of the pairs.

    Raises:
        ValueError: there are too few texts.
    """
    rng = Random(seed)
    left = iter(texts)
    for (least, below), count in WANTED.items():
        for _ in range(round(count * scale)):
            yield _pair(left, least, below, rng)


def _pair(texts: Iterator[str], least: float, below: float, rng: Random) -> Pair:
    """Return a pair with a similarity in the range; a text that gives none is passed over."""
    for text in texts:
        base = renamed(text, rng)
        own = shingles(base, SHINGLE)
        for _ in range(TRIES):
            copy = edited(base, len(own), rng.uniform(least, below), rng)
            similarity = float(jaccard(own, shingles(copy, SHINGLE)))
            if least <= similarity < below:
                return Pair(base, copy, similarity)
    raise ValueError("too few texts to plant near-duplicates in")


def renamed(text: str, rng: Random) -> str:
    """Return a text in which a share of the words are others."""
    return _NAME.sub(lambda word: fresh(rng) if rng.random() < RENAMED else word[0], text)


def edited(text: str, size: int, similarity: float, rng: Random) -> str:
    """Return a text with so many words replaced that about this similarity is left.

    Args:
        text: to edit.
        size: its shingles.
        similarity: wanted; of s shingles, s (1 - J) / (1 + J) must be lost.
        rng: of places and words.
    """
    words = list(_WORD.finditer(text))
    lost = size * (1 - similarity) / (1 + similarity)
    # A run of m replaced words spoils the m + 4 shingles that touch it.
    places = max(1, min(PLACES, round(lost / (SHINGLE + 1))))
    replaced = max(places, round(lost) - places * (SHINGLE - 1))
    starts = [place * len(words) // places for place in range(places + 1)]
    chosen: list[int] = []
    for place in range(places):
        count = replaced // places + (place < replaced % places)
        room = starts[place + 1] - starts[place] - count - SHINGLE
        first = starts[place] + rng.randrange(max(1, room))
        chosen += range(first, min(first + count, len(words)))
    return _replaced(text, [words[number] for number in chosen], rng)


def _replaced(text: str, words: Sequence[re.Match[str]], rng: Random) -> str:
    parts, end = [], 0
    for word in words:
        parts += [text[end : word.start()], fresh(rng)]
        end = word.end()
    return "".join([*parts, text[end:]])


def fresh(rng: Random) -> str:
    """Return a word that no file has; of letters alone, since some tools take numbers as one."""
    return "q" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=8))
