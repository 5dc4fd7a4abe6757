"""Copies: what is removed, what is kept, and against the reference's signatures."""

import random

import numpy as np
import pytest
from datasketch import MinHash

from oremill.specs.corpus import NearDedup
from pipeline_steps.corpus import near
from pipeline_steps.corpus.shingles import Hashes, jaccard, runs, shingles, words
from pipeline_steps.corpus.sketch import SCHEME, SEED, Sketch
from pipeline_steps.evaluate import steplang

RULES = NearDedup()


def text(seed: int, count: int = 400) -> list[str]:
    chosen = random.Random(seed)
    return [f"w{chosen.randrange(10**6)}" for _ in range(count)]


def edited(source: list[str], share: float, seed: int) -> list[str]:
    """Return the words with a run at the end replaced, which leaves 1 - share of the shingles."""
    cut = round(len(source) * (1 - share))
    return source[:cut] + text(seed, len(source) - cut)


def cut(words_: list[str]) -> Hashes:
    return shingles(" ".join(words_), RULES.shingle)


def copies(documents: list[Hashes], rules: NearDedup = RULES) -> dict[int, int]:
    """Return which documents are copies, and of what; bands decide who is compared."""
    sketch = Sketch(rules.bands, rules.rows)
    keys = np.array([sketch.bands(document) for document in documents])
    files, group = [], []
    for band in range(rules.bands):
        _, found, counts = np.unique(keys[:, band], return_inverse=True, return_counts=True)
        shared = np.flatnonzero(counts[found] > 1)
        files.append(shared)
        group.append(found[shared] + band * len(documents))
    order = np.argsort(np.concatenate(files), kind="stable")
    groups = near.Groups(np.concatenate(files)[order], np.concatenate(group)[order])
    offsets = np.cumsum([0, *map(len, documents)])
    found = near.resolve(groups, np.concatenate(documents), offsets, rules.threshold)
    return {copy: int(of) for copy, of in enumerate(found.of) if of >= 0}


def test_signatures_equal_datasketchs() -> None:
    found = cut(text(1))
    reference = MinHash(250, seed=SEED, scheme=SCHEME, hashfunc=int)
    reference.update_batch((found & np.uint64(2**32 - 1)).tolist())
    assert (Sketch(25, 10).signature(found) == reference.hashvalues).all()


@pytest.mark.parametrize(("share", "removed"), [(0.08, True), (0.25, False), (0.6, False)])
def test_near_copies_are_removed_by_true_similarity(share: float, removed: bool) -> None:
    pairs = 40
    documents = []
    for seed in range(pairs):
        first = text(seed)
        documents += [cut(first), cut(edited(first, share, seed + 1000))]
    similar = [jaccard(documents[2 * i], documents[2 * i + 1]) for i in range(pairs)]
    assert all((value >= RULES.threshold) == removed for value in similar)
    found = copies(documents)
    assert len(found) >= 0.98 * pairs if removed else not found
    assert all(copy % 2 == 1 and of == copy - 1 for copy, of in found.items())


def test_no_file_is_removed_for_a_likeness_to_a_removed_one() -> None:
    a = text(1)
    b = edited(a, 0.1, 2)
    c = b[80:] + text(3, 80)  # like b, and unlike a
    chain = [cut(a), cut(b), cut(c)]
    assert jaccard(chain[1], chain[2]) < RULES.threshold or jaccard(chain[0], chain[2]) < 0.7
    assert copies(chain, NearDedup(threshold=0.6)) == {1: 0}


def test_of_several_kept_files_the_first_is_named() -> None:
    a, other = text(1), text(2)
    assert copies([cut(other), cut(a), cut(a), cut(a)]) == {2: 1, 3: 1}


def test_the_similarity_is_the_true_one() -> None:
    a = text(1)
    pair = [cut(a), cut(edited(a, 0.1, 2))]
    groups = near.Groups(np.array([0, 1]), np.array([0, 0]))
    found = near.resolve(groups, np.concatenate(pair), np.cumsum([0, *map(len, pair)]), 0.5)
    assert found.similarity[1] == jaccard(*pair)
    sets = [set(item.tolist()) for item in pair]
    assert found.similarity[1] == len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.mark.parametrize("percent", [7, 28, 55, 56, 70, 90])
def test_a_file_that_is_just_so_large_a_part_of_a_kept_one_is_a_copy(percent: int) -> None:
    whole = np.arange(100, dtype=np.uint64)
    groups = near.Groups(np.array([0, 1]), np.array([0, 0]))
    both, offsets = np.concatenate([whole, whole[:percent]]), np.array([0, 100, 100 + percent])
    found = near.resolve(groups, both, offsets, percent / 100)
    assert found.of.tolist() == [-1, 0]


def test_random_programs_are_no_copies_of_each_other() -> None:
    files = ["\n".join(steplang.documents(0, 200, stream=f"t/{i}")) for i in range(30)]
    assert copies([shingles(item, RULES.shingle) for item in files]) == {}


def test_shingles_are_the_distinct_runs_of_words_whatever_stands_between() -> None:
    assert words("Foo_bar(x,  Y)") == [b"foo_bar", b"x", b"y"]
    assert words("naïve_ß = 1") == ["naïve_ß".encode(), b"1"]
    assert (shingles("a b c d", 2) == shingles("A, b\n\tc (d)", 2)).all()
    assert len(shingles("a b a b a b", 2)) == 2
    assert len(shingles("a b", 3)) == 0
    assert (runs("a b c", 2) != runs("b a c", 2)).all()
    assert runs("a b a b", 2)[0] == runs("a b a b", 2)[2]


def test_every_run_has_a_hash_that_depends_on_its_words_alone() -> None:
    told = text(5, 60)
    whole = runs(" ".join(told), 4)
    assert len(whole) == 57
    for start in (0, 1, 30, 56):
        assert whole[start] == runs("+".join(told[start : start + 4]), 4)[0]
