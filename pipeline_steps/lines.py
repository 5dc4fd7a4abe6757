"""JSON Lines that users write (conversations, problems), read and checked alike.

A wrong line is the user's to repair, and is never tried again: the error names the field of the
spec, the file, the line, the part of it, and what is allowed.
"""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pipeline_steps.errors import UserError

Record = TypeVar("Record", bound=BaseModel)


def records(content: bytes, where: str, model: type[Record]) -> list[Record]:
    """Return the records of a file; blank lines are none.

    Args:
        content: JSON Lines in UTF-8.
        where: the field and the object, for errors.
        model: what a line must be.

    Raises:
        UserError: a line is no such record.
    """
    lines = enumerate(content.splitlines(), start=1)
    return [record(line, f"{where}, line {n}", model) for n, line in lines if line.strip()]


def record(line: bytes, where: str, model: type[Record]) -> Record:
    """Return the record of a line.

    Raises:
        UserError: it is no such record; the first mistake is told.
    """
    try:
        return model.model_validate_json(line.decode())
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: byte {error.start + 1} is not UTF-8") from error
    except ValidationError as error:
        raise UserError(f"{where}: {_sentence(error)}") from error


def _sentence(error: ValidationError) -> str:
    """Return the first mistake: where in the line, what, and what was given."""
    first = error.errors()[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return (
        f"{where.lstrip('.') or 'the line'}: {first['msg']} (given: {str(first['input'])[:80]!r})"
    )
