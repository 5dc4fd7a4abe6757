"""Conversations of an SFTJob: JSON Lines of {"messages": [{"role", "content"}, ...]}, checked.

A conversation that is too long is dropped and counted, never cut: a cut answer teaches the
model to stop anywhere.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from oremill.specs.sft import SFTJobSpec
from pipeline_steps.errors import UserError
from pipeline_steps.lines import records
from pipeline_steps.sentinels import SPECIAL
from pipeline_steps.storage import Store


class Message(BaseModel):
    """One turn."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["system", "user", "assistant"]
    content: str

    @field_validator("content")
    @classmethod
    def spells_no_sentinel(cls, content: str) -> str:
        """Refuse text that would end its own turn, or begin another."""
        found = [sentinel for sentinel in SPECIAL if sentinel in content]
        if found:
            raise ValueError(f"spells the special token {found[0]}; text may spell none")
        return content


class Conversation(BaseModel):
    """Turns, the last of them the assistant's: it is what the model learns to say."""

    model_config = ConfigDict(extra="forbid")
    messages: Annotated[list[Message], Field(min_length=1)]

    @field_validator("messages")
    @classmethod
    def ends_with_an_answer(cls, messages: list[Message]) -> list[Message]:
        """Refuse a conversation without a last answer."""
        if messages[-1].role != "assistant":
            raise ValueError(f"the last role is {messages[-1].role!r}; it must be 'assistant'")
        return messages


Messages = list[dict[str, str]]


def read(store: Store, spec: SFTJobSpec) -> list[Messages]:
    """Return the conversations of all sources, in order.

    Raises:
        UserError: a line is no conversation, or there is none.
    """
    found: list[Messages] = []
    for index, source in enumerate(spec.sources):
        found += parsed(store.read(source.key), f"spec.sources[{index}].key: {source.key}")
    return found


def parsed(content: bytes, where: str) -> list[Messages]:
    """Return the conversations of a file.

    Args:
        where: the field and the object, for errors.

    Raises:
        UserError: a line is no conversation, or the file has none.
    """
    found = records(content, where, Conversation)
    if not found:
        raise UserError(
            f'{where} holds no conversation; a line is {{"messages": [{{"role", "content"}}, ...]}}'
        )
    return [one.model_dump()["messages"] for one in found]


def fitting(
    conversations: list[Messages], tokenizer: Any, max_length: int
) -> tuple[list[Messages], int]:
    """Return the conversations of at most `max_length` tokens, and how many were longer.

    Raises:
        UserError: all are longer.
    """
    kept = [one for one in conversations if _length(tokenizer, one) <= max_length]
    if not kept:
        shortest = min(_length(tokenizer, one) for one in conversations)
        raise UserError(
            f"spec.maxLength: {max_length} drops every conversation; the shortest has {shortest} "
            "tokens"
        )
    return kept, len(conversations) - len(kept)


def _length(tokenizer: Any, messages: Messages) -> int:
    encoded = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)
    return len(encoded["input_ids"])
