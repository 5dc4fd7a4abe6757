"""One pass tells which rules of decontamination are worth their time, and never misses one."""

import numpy as np
import pytest

from pipeline_steps.corpus.glance import Glance
from pipeline_steps.corpus.shingles import runs

NEEDLE = "defgrind(ore,stones):returnore"
LINES = ("stones = load(ore, by_grade)", "return sorted(stones, key=by_grade)")
NGRAM = "grind the ore until it is as fine as flour"


def seen(line: str) -> tuple[int, int]:
    return 4, int(runs(line, 4)[0])


GLANCE = Glance([NEEDLE], [[seen(line) for line in LINES]], [(10, runs(NGRAM, 10))])


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("x = 1\ndef Grind(ore,\n\tstones):\n  RETURN ore\n", {"whole"}),
        ("def grind(ore, stones): return gold", set()),
        (f"{LINES[1]}  # sorted\nx = 1\n{LINES[0]}", {"body"}),
        (LINES[0], set()),
        (f"# {NGRAM.upper()}!", {"run"}),
        (NGRAM.removesuffix(" flour"), set()),
        ("é", {"whole"}),
        ("", set()),
        (f"{NEEDLE} {NGRAM} {LINES[0]} {LINES[1]}", {"whole", "run", "body"}),
    ],
    ids=lambda value: value[:16] if isinstance(value, str) else "",
)
def test_a_rule_is_named_exactly_when_it_may_find_something(text: str, rules: set[str]) -> None:
    assert GLANCE.at(text) == rules


def test_a_needle_that_is_in_nearly_every_text_is_left_to_its_rule() -> None:
    assert Glance(["add"], [], []).at("subtract") == {"whole"}
    assert Glance([], [], []).at("add é") == set()
    assert Glance(["ö" * 40], [], []).at("add") == set()


def test_what_a_needle_ends_with_is_found_at_every_place_of_a_text() -> None:
    for place in range(70):
        text = "x " * place + NEEDLE + " y" * (70 - place)
        assert "whole" in GLANCE.at(text)


def test_a_known_run_is_found_among_many() -> None:
    many = runs(" ".join(f"w{number}" for number in range(5000)), 10)
    glance = Glance([], [], [(10, many), (3, runs("a b c", 3))])
    assert glance.at(" ".join(f"w{number}" for number in range(700, 710))) == {"run"}
    assert glance.at("A b; c") == {"run"}
    assert glance.at(" ".join(f"v{number}" for number in range(5000))) == set()
    assert len(np.unique(many)) == 4991
