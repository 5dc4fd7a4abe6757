"""Problems that users write, for the evaluation and for RLEF: what a line of the file must be."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from pipeline_steps.errors import UserError
from pipeline_steps.lines import Record, records

Text = Annotated[str, Field(min_length=1)]


class Test(BaseModel):
    """A call, and what it must return."""

    args: list[Any]
    expected: Any


class Problem(BaseModel):
    """What is asked, and the tests of an answer; further fields are left alone."""

    task_id: Text
    prompt: Text
    entry_point: Text
    tests: Annotated[list[Test], Field(min_length=1)]
    solution: str = ""


class SolvedProblem(Problem):
    """A problem of a benchmark, whose own answer must pass before a score is believed."""

    solution: Text


def parsed(content: bytes, where: str, model: type[Record]) -> list[Record]:
    """Return the problems of a file.

    Args:
        content: JSON Lines in UTF-8.
        where: the field and the object, for errors.
        model: Problem, or SolvedProblem where the solution is needed.

    Raises:
        UserError: a line is no problem, or there is none.
    """
    found = records(content, where, model)
    if not found:
        fields = ", ".join(name for name, info in model.model_fields.items() if info.is_required())
        raise UserError(f"{where} holds no problem; a line is a JSON object with {fields}")
    return found
