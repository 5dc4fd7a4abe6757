"""The audit finds what redaction left, on the same sample each time, and bounds the rest."""

import random
import time

import pytest

from oremill.specs.corpus import Redaction
from pipeline_steps.corpus import audit
from pipeline_steps.corpus.redaction import redact
from tests import planted

ALL = Redaction()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("emails", "mail ann.lee@corp.io please"),
        ("emails", "a@b ann [at] corp [dot] io"),
        ("addresses", "host 52.95.110.1"),
        ("names", "/** @author Jane Doe\n"),
        ("names", "# Copyright 2020 Jane Doe\n"),
        ("secrets", "the token is {secret} (old)"),
        ("passwords", "password >> {password}"),
        ("secrets", "-----BEGIN " + planted.K + "-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKc"),
    ],
)
def test_what_was_left_is_found(kind: str, text: str) -> None:
    chosen = random.Random(2)
    secret, password = planted.drawn(planted.LETTERS, 40)(chosen), planted.password(chosen)
    found = audit.residue([text.format(secret=secret, password=password), "x = 1\n"], ALL)
    assert found.files == 2 and found.hit == 1 and set(found.kinds) == {kind}


@pytest.mark.parametrize(("before", "after"), [("", ""), ("\n\n", "\n"), ("k = @\n", " # a@b\n")])
def test_every_finding_is_counted_wherever_its_line_stands(before: str, after: str) -> None:
    line = "ann.lee@corp.io bob@corp.io 52.95.110.1"
    found = audit.residue([f"{before}{line}{after}{line}"], ALL)
    assert found.kinds == {"emails": 4, "addresses": 2}


def test_redacted_texts_have_no_residue() -> None:
    kinds = [*planted.ISSUED, *planted.NAMED]
    texts = [f"{text}\n@author Jane Doe" for kind in kinds for text, _ in planted.secrets(kind, 5)]
    before = audit.residue(texts, ALL)
    after = audit.residue([redact(text, ALL).text for text in texts], ALL)
    assert before.hit == len(texts)
    assert after.hit <= 0.02 * len(texts)


def test_kinds_that_are_not_redacted_are_not_counted() -> None:
    rules = Redaction(emails=False)
    assert audit.residue(["ann.lee@corp.io"], rules) == audit.Residue(1)
    assert audit.residue(["ann.lee@corp.io"], ALL).kinds == {"emails": 1}


@pytest.mark.parametrize(
    ("files", "hit", "bound"),
    [(0, 0, 1.0), (100, 0, 0.03), (3000, 0, 0.001), (1000, 1, 0.00474), (1000, 5, 0.01051),
     (100, 100, 1.0), (2, 0, 1.0)],
)  # fmt: skip
def test_the_bound_is_that_of_the_rule_of_three(files: int, hit: int, bound: float) -> None:
    assert audit.Residue(files, hit).bound == pytest.approx(bound, rel=0.01)


def test_results_of_parts_add_up_to_the_whole() -> None:
    texts = ["a ann@corp.io", "b", "host 52.95.110.1", "c"]
    parts = audit.residue(texts[:2], ALL) + audit.residue(texts[2:], ALL)
    assert parts == audit.residue(texts, ALL)
    assert parts.statement() == "2 of 4 files hold something; at most 100.000% of all do, at 95 %"
    assert audit.Residue(3000).statement().startswith("none of 3000 files hold something")


@pytest.mark.parametrize("text", ["password=", "password='", "token=ab"], ids=repr)
def test_a_line_without_an_end_is_read_in_the_time_that_its_length_takes(text: str) -> None:
    line = text * 20_000
    start = time.process_time()
    audit.residue([line], ALL)
    assert time.process_time() - start < 5, "some 30 s where each word looks to the end of the line"
