"""Copies: what is removed, what is kept, and against the reference's signatures."""

import random

import numpy as np
import pytest
from datasketch import MinHash

from oremill.specs.corpus import NearDedup
from pipeline_steps.corpus import dedup
from pipeline_steps.corpus.shingles import jaccard, runs, shingles, words
from pipeline_steps.evaluate import steplang

RULES = NearDedup()


def text(seed: int, count: int = 400) -> list[str]:
    chosen = random.Random(seed)
    return [f"w{chosen.randrange(10**6)}" for _ in range(count)]


def edited(source: list[str], share: float, seed: int) -> list[str]:
    """Return the words with a run at the end replaced, which leaves 1 - share of the shingles."""
    cut = round(len(source) * (1 - share))
    return source[:cut] + text(seed, len(source) - cut)


def cut(words_: list[str]) -> dedup.Hashes:
    return shingles(" ".join(words_), RULES.shingle)


def test_exact_copies_point_to_the_first() -> None:
    assert dedup.exact(["a", "b", "a", "c", "a"]) == {
        2: dedup.Copy(0, 1.0),
        4: dedup.Copy(0, 1.0),
    }


def test_signatures_equal_datasketchs() -> None:
    found = cut(text(1))
    reference = MinHash(250, seed=dedup.SEED, scheme=dedup.SCHEME, hashfunc=int)
    reference.update_batch((found & np.uint64(2**32 - 1)).tolist())
    assert (dedup.Sketch(25, 10).signature(found) == reference.hashvalues).all()


@pytest.mark.parametrize(("share", "removed"), [(0.08, True), (0.25, False), (0.6, False)])
def test_near_copies_are_removed_by_true_similarity(share: float, removed: bool) -> None:
    pairs = 40
    documents = []
    for seed in range(pairs):
        first = text(seed)
        documents += [cut(first), cut(edited(first, share, seed + 1000))]
    similar = [jaccard(documents[2 * i], documents[2 * i + 1]) for i in range(pairs)]
    assert all((value >= RULES.threshold) == removed for value in similar)
    found = dedup.near(documents, RULES)
    assert len(found) >= 0.98 * pairs if removed else not found
    assert all(index % 2 == 1 and copy.of == index - 1 for index, copy in found.items())


def test_no_file_is_removed_for_a_likeness_to_a_removed_one() -> None:
    a = text(1)
    b = edited(a, 0.1, 2)
    c = b[80:] + text(3, 80)  # like b, and unlike a
    chain = [cut(a), cut(b), cut(c)]
    assert jaccard(chain[1], chain[2]) < RULES.threshold or jaccard(chain[0], chain[2]) < 0.7
    found = dedup.near(chain, NearDedup(threshold=0.6))
    assert set(found) == {1}


def test_small_files_are_compared_exactly_only() -> None:
    small = shingles("license mit copyright the authors all rights", 5)
    assert dedup.near([small, small], RULES) == {}


def test_random_programs_are_no_copies_of_each_other() -> None:
    files = ["\n".join(steplang.documents(0, 200, stream=f"t/{i}")) for i in range(30)]
    assert dedup.near([shingles(item, RULES.shingle) for item in files], RULES) == {}


def test_shingles_are_the_distinct_runs_of_words_whatever_stands_between() -> None:
    assert words("Foo_bar(x,  Y)") == ["foo_bar", "x", "y"]
    assert (shingles("a b c d", 2) == shingles("A, b\n\tc (d)", 2)).all()
    assert len(shingles("a b a b a b", 2)) == 2
    assert len(shingles("a b", 3)) == 0
    assert (runs(["a", "b", "c"], 2) != runs(["b", "a", "c"], 2)).any()
