"""What counts as drift: only what we set, and by value."""

from typing import Any

import pytest

from oremill.drift import differs

CASES: dict[str, tuple[Any, Any, bool]] = {
    "equal": ({"a": 1}, {"a": 1}, False),
    "the server adds a default": ({"a": 1}, {"a": 1, "b": 2}, False),
    "changed": ({"a": 1}, {"a": 2}, True),
    "removed": ({"a": {"b": "c"}}, {}, True),
    "the server drops what is empty": ({"egress": [], "a": {}}, {}, False),
    "filled by hand": ({"egress": []}, {"egress": [{}]}, True),
    "a quantity is rewritten": ({"cpu": "1000m"}, {"cpu": "1"}, False),
    "a quantity is changed": ({"cpu": "1"}, {"cpu": "2"}, True),
    "a text that is no quantity": ({"image": "a"}, {"image": "b"}, True),
    "a list in another order, by name": (
        [{"name": "a", "v": 1}, {"name": "b"}],
        [{"name": "b"}, {"name": "a", "v": 1, "x": 0}],
        False,
    ),
    "a list in another order, without names": ([1, 2], [2, 1], True),
    "a selector that grew": ({"selector": {"a": "1"}}, {"selector": {"a": "1", "b": "2"}}, True),
    "an empty selector": ({"podSelector": {}}, {"podSelector": {}}, False),
    "an older server knows no success policy": ({"successPolicy": {"rules": []}}, {}, False),
    "a list that grew": ([{"name": "a"}], [{"name": "a"}, {"name": "b"}], True),
}


@pytest.mark.parametrize("case", CASES)
def test_drift_is_what_we_set_and_is_not_so(case: str) -> None:
    wanted, live, expected = CASES[case]
    assert differs(wanted, live) is expected
