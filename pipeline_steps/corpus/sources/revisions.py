"""What a source outside of the bucket is at now: the digest of an input that has no object.

A process asks once, so what it resolves and what it reads are one.
"""

from functools import cache

from pipeline_steps.corpus.sources import git_cli
from pipeline_steps.errors import UserError


def commit(url: str, ref: str, where: str) -> str:
    """Return the commit of a repository's ref.

    Args:
        url: of the repository.
        ref: commit, tag or branch.
        where: field of the spec, for messages.

    Raises:
        UserError: the repository does not answer, or has no such ref.
    """
    try:
        return _resolved(url, ref)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


_resolved = cache(git_cli.resolve)


def dataset(name: str, revision: str, where: str) -> str:
    """Return the commit of a dataset on the hub.

    Raises:
        UserError: the hub does not answer, or has no such dataset or revision.
    """
    from huggingface_hub.errors import HFValidationError

    trouble: tuple[type[Exception], ...] = (*away(), HFValidationError, OSError)
    try:
        return _sha(name, revision)
    except trouble as error:
        said = str(error).strip().splitlines()
        raise UserError(
            f"{where}: the hub has no dataset {name!r} at {revision!r}, or does not show it: "
            f"{said[-1] if said else type(error).__name__}"
        ) from error


def away() -> tuple[type[Exception], ...]:
    """Return what is raised when the hub is away."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # its client's own

    return HTTPError, ConnectionError, TimeoutError


@cache
def _sha(name: str, revision: str) -> str:
    from huggingface_hub import HfApi

    return str(HfApi().dataset_info(name, revision=revision, timeout=60).sha)
