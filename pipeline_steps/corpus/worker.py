"""What does the tasks of a pass, in whichever process, pod or cluster that is."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline_steps import errors
from pipeline_steps.corpus.context import Context, Recipe

Pass = Callable[[Context, dict[str, Any]], None]


@dataclass(frozen=True)
class Worker:
    """Does tasks.

    `work` is a function of a module, which another process finds by its name; `recipe` is of the
    context that each process opens once.
    """

    work: Pass
    recipe: Recipe

    def do(self, task: str) -> str:
        """Do one task, and say where; an error of the contract travels as text too."""
        said = [socket.gethostname()]
        try:
            self.work(self.recipe.open(), json.loads(task))
        except errors.StepError as error:  # which an engine would wrap
            said += [type(error).__name__, str(error)]
        return json.dumps(said)


def heard(said: str) -> str:
    """Return where a task was done.

    Raises:
        StepError: what it raised.
    """
    machine, *error = json.loads(said)
    if error:
        kind, message = error
        found: type[errors.StepError] = getattr(errors, kind)
        raise found(message)
    return str(machine)
