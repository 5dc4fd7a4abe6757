"""Conversations: a wrong line names itself; a long one is dropped, never cut."""

import json
from typing import Any

import pytest

from pipeline_steps.errors import UserError
from pipeline_steps.sft.conversations import fitting, parsed

GOOD = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


def turn(role: str, content: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content}]}


WRONG = {
    "no JSON": ("{", "Invalid JSON"),
    "no object": ("[1]", "the line"),
    "no messages": ("{}", "messages: Field required"),
    "an empty list": ('{"messages": []}', "at least 1 item"),
    "an unknown role": (json.dumps(turn("bot", "x")), "'system', 'user' or 'assistant'"),
    "text that is none": (json.dumps(turn("assistant", 3)), "valid string"),
    "an unknown field": (json.dumps(GOOD | {"extra": 1}), "extra: Extra inputs"),
    "no last answer": (json.dumps(turn("user", "x")), "must be 'assistant'"),
    "a special token": (json.dumps(turn("assistant", "a<|im_end|>b")), r"<\|im_end\|>"),
}


@pytest.mark.parametrize(("line", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_line_says_where_it_is_and_what_is_allowed(line: str, message: str) -> None:
    content = "\n".join([json.dumps(GOOD), "", line]).encode()
    with pytest.raises(UserError, match=rf"spec\.sources\[0\].*line 3: .*{message}"):
        parsed(content, "spec.sources[0].key: sft.jsonl")


def test_a_file_without_a_conversation_is_refused() -> None:
    with pytest.raises(UserError, match="holds no conversation"):
        parsed(b"\n\n", "spec.sources[0].key: sft.jsonl")


class Letters:
    """Counts a letter as a token."""

    def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> dict[str, str]:
        return {"input_ids": "".join(one["content"] for one in messages)}


def test_too_long_conversations_are_dropped_and_counted() -> None:
    found = [turn("assistant", "x" * length)["messages"] for length in (3, 4, 5)]
    assert fitting(found, Letters(), 4) == (found[:2], 1)


def test_a_limit_that_drops_everything_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match=r"spec\.maxLength: 4 .* shortest has 5"):
        fitting([turn("assistant", "x" * 5)["messages"]], Letters(), 4)
