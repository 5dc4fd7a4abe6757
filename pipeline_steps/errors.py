"""What can go wrong in a step, sorted by who must act; the exit code of the pod says which.

    StepError
    ├── UserError            the user: a field, a Secret or an input is wrong          exit 2
    ├── Resumable            the world: preempted, or a neighbour is away; try again   exit 75
    │   ├── Preempted            SIGTERM
    │   └── StorageUnavailable   the bucket did not answer for minutes
    └── StepFailed           the run itself: a diverging loss, a corrupt file          exit 1

Anything else that is raised is our mistake, and is reported as StepFailed with its last line.
"""

from oremill import names


class StepError(Exception):
    """The root of the tree.

    Args:
        message: names the field, its value and what is allowed, or what to do about it.
        reason: one of names.REASONS, shown in the object's condition.
    """

    status = "failed"
    exit_code = 1
    default_reason = "StepFailed"

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or self.default_reason


class UserError(StepError):
    """Only the user can repair it; the step is not tried again."""

    status = "user"
    exit_code = names.EXIT_USER
    default_reason = "UserError"


class Resumable(StepError):
    """The step goes on from where it was; the restart is not counted."""

    status = "resumable"
    exit_code = names.EXIT_RESUMABLE
    default_reason = "Restarting"


class Preempted(Resumable):
    """The pod was asked to stop."""


class StorageUnavailable(Resumable):
    """The bucket did not answer for minutes."""

    default_reason = "StorageUnavailable"


class StepFailed(StepError):
    """The run went wrong; the failure counts toward failurePolicy.maxRestarts."""
