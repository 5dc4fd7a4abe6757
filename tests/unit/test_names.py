"""Names of children: deterministic, short enough, different where they must differ."""

import re

import pytest

from oremill import names


@pytest.mark.parametrize("owner", ["a", "a" * 253, "team.model-2", "a" * 60 + "." + "b" * 100])
def test_a_childs_name_is_a_dns_label_with_room_for_a_pods_suffix(owner: str) -> None:
    found = names.child(owner, "PretrainJob", "0123456789", "a0")
    assert len(found) <= 52
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", found)
    assert found == names.child(owner, "PretrainJob", "0123456789", "a0")


def test_long_owners_that_begin_alike_have_different_children() -> None:
    found = {names.child("a" * 200 + tail, "EvalJob", "run", "a0") for tail in "xyz"}
    assert len(found) == 3


def test_kinds_and_attempts_have_children_of_their_own() -> None:
    found = {
        names.child("one", kind, "run", attempt) for kind in names.KINDS for attempt in ("a0", "a1")
    }
    assert len(found) == 12


def test_an_artifacts_prefix_has_no_empty_part() -> None:
    assert names.artifact_prefix("", "team", "SFTJob", "one", "d") == "team/sft/one/d"
    assert names.artifact_prefix("p", "team", "SFTJob", "one", "d") == "p/team/sft/one/d"
