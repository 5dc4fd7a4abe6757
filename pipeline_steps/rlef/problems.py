"""The training problems: a JSON Lines file of the bucket, read and checked once."""

from dataclasses import dataclass, field
from typing import Any

from oremill.specs.common import Problems
from pipeline_steps.evaluate import problems
from pipeline_steps.evaluate.judge import Submission
from pipeline_steps.storage import Store


@dataclass(frozen=True)
class Problem:
    """What is asked, and the hidden tests, which never leave the judge."""

    task_id: str
    prompt: str
    entry_point: str
    tests: list[dict[str, Any]] = field(repr=False)  # {"args": [...], "expected": ...}
    solution: str = field(default="", repr=False)

    def submission(self, code: str) -> Submission:
        """Return an answer to this problem, as the judge takes it."""
        return Submission(code, self.entry_point, self.tests)


def read(store: Store, source: Problems) -> list[Problem]:
    """Return the problems that a spec names.

    Raises:
        UserError: a line is no problem, or there is none.
    """
    return parsed(store.read(source.key), f"spec.problems.key: {source.key}")[: source.limit]


def parsed(content: bytes, where: str) -> list[Problem]:
    """Return the problems of a file; `where` names it in errors.

    Raises:
        UserError: a line is no problem, or there is none.
    """
    found = problems.parsed(content, where, problems.Problem)
    return [Problem(**one.model_dump()) for one in found]
