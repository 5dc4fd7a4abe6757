"""The training problems: a JSON Lines file of the bucket, read and checked once."""

import json
from dataclasses import dataclass, field
from typing import Any

from oremill.specs.common import Problems
from pipeline_steps.errors import UserError
from pipeline_steps.evaluate.judge import Submission
from pipeline_steps.storage import Store

NEEDED = ("task_id", "prompt", "entry_point", "tests")


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
    lines = store.read(source.key).decode().splitlines()[: source.limit]
    problems = [parse(line, f"{source.key}, line {n}") for n, line in enumerate(lines, start=1)]
    if not problems:
        raise UserError(f"spec.problems.key: {source.key} holds no problem")
    return problems


def parse(line: str, where: str) -> Problem:
    """Return the problem of a line.

    Raises:
        UserError: it is no JSON object with the fields of a problem, or has no tests.
    """
    try:
        record = json.loads(line)
        needed = {name: record[name] for name in NEEDED}
        problem = Problem(**needed, solution=record.get("solution", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"spec.problems.key: {where} is no JSON object with {', '.join(NEEDED)}: {error!r}"
        ) from error
    if not problem.tests:
        raise UserError(f"spec.problems.key: {where} has no tests; a problem needs at least one")
    return problem
