"""Whom an event concerns, and what the operator takes for a dead watch."""

from typing import Any

from oremill.board import Board
from oremill.stage import Key
from tests.stages import body

CORPUS = Key("DataCorpus", "team", "one")
TOKENIZER = Key("TokenizerJob", "team", "one")
DONE = {
    "observedGeneration": 1,
    "conditions": [{"type": "Complete", "status": "True", "message": ""}],
    "artifact": {"uri": "s3://b/x", "digest": "d"},
}


def tokenizer() -> dict[str, object]:
    return body("TokenizerJob", corpusRef={"name": "one"})


def test_an_object_that_completes_wakes_those_that_wait_for_it() -> None:
    board = Board()
    assert board.notice(tokenizer()) == {TOKENIZER}
    assert board.notice(body()) == {CORPUS, TOKENIZER}
    assert board.notice(body(status=DONE)) == {TOKENIZER}


def test_the_operators_own_writes_concern_nobody() -> None:
    board = Board()
    board.notice(tokenizer())
    board.notice(body())
    assert board.notice(body(status={"progress": {"step": 4}})) == set()


def test_a_changed_spec_or_a_retry_wakes_the_object() -> None:
    board = Board()
    board.notice(body())
    assert CORPUS in board.notice(body(generation=2))
    assert CORPUS in board.notice(body(generation=2, retry="again"))


def test_a_gate_is_waited_for_too() -> None:
    board = Board()
    gate = {"evalRef": {"name": "judge"}, "metric": "m", "atLeast": 0.5}
    board.notice(body(requires=[gate]))
    judge = body("EvalJob")
    judge["metadata"]["name"] = "judge"
    assert CORPUS in board.notice(judge)


def test_a_deleted_object_wakes_those_that_wait_for_it_and_is_forgotten() -> None:
    board = Board()
    board.notice(tokenizer())
    board.notice(body())
    assert board.forget(CORPUS) == {TOKENIZER}
    board.forget(TOKENIZER)
    assert board.forget(CORPUS) == set()


def test_a_change_that_no_event_told_of_shows_a_dead_watch() -> None:
    board = Board()
    board.notice(body())
    board.compare(CORPUS, 1, now=0.0)
    assert board.watch_lag(100.0) == 0.0
    board.compare(CORPUS, 2, now=100.0)
    assert board.watch_lag(130.0) == 30.0
    board.notice(body(generation=2))
    assert board.watch_lag(200.0) == 0.0


def sft(name: str, needed: str, **fields: object) -> dict[str, Any]:
    made = body("SFTJob", modelRef={"kind": "SFTJob", "name": needed}, **fields)
    made["metadata"]["name"] = name
    return made


def test_objects_that_wait_for_each_other_are_found() -> None:
    board = Board()
    for name, needed in (("a", "b"), ("b", "c"), ("c", "b")):
        board.notice(sft(name, needed))
    a, b, c = (Key("SFTJob", "team", name) for name in "abc")
    assert board.circle(b) == (b, c, b)
    assert board.circle(a) == (), "it waits for the circle, and is not of it"
    board.notice(sft("c", "none", generation=2))
    assert board.circle(b) == ()


def test_an_object_that_waits_for_itself_is_found() -> None:
    board = Board()
    board.notice(sft("a", "a"))
    key = Key("SFTJob", "team", "a")
    assert board.circle(key) == (key, key)
