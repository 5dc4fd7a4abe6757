"""What surrounds every stage: read the order, make the artifact, publish it, say how it ended.

A stage is a function from `Step` to `Made`, and `main(make)` does the rest: it skips a stage whose
manifest is there, serves progress, uploads the folder with the manifest last, writes an `Outcome`
to the pod's termination log, and exits by the contract (0 done, 2 the user's mistake, 75
resumable, else 1).

Outside a cluster a stage runs with the same code. These variables replace the paths of a pod:

    OREMILL_SPEC             spec.json, an `Order`; without a digest, the digest is computed
    OREMILL_STORAGE_SECRET   folder with the files accessKey and secretKey
    OREMILL_STORAGE_CA       certificate authority of the endpoint
    OREMILL_SANDBOX_TOKEN    file with the token of the sandboxes
    OREMILL_SCRATCH          folder to work in
    OREMILL_TERMINATION_LOG  file for the outcome
    OREMILL_PROGRESS_PORT    port of /progress and /metrics; 0 takes a free one

    OREMILL_SPEC=order.json OREMILL_STORAGE_SECRET=secret OREMILL_SCRATCH=/tmp/s \
        OREMILL_TERMINATION_LOG=/tmp/outcome.json python -m pipeline_steps.corpus

With torchrun, every rank may call `main`: rank 0 alone serves progress and publishes.
"""

import errno
import fcntl
import logging
import os
import random
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from pydantic import ValidationError

from oremill import names
from oremill.specs import InvalidSpec, JobSpec, parse
from oremill.specs.artifact import RECIPES, File, Input, Manifest, Order, Outcome, digest, shaping
from pipeline_steps.errors import Preempted, Resumable, StepError, StepFailed, UserError
from pipeline_steps.inputs import bucket_inputs
from pipeline_steps.progress import ProgressBoard
from pipeline_steps.storage import PATIENCE, Store

__all__ = ["Made", "Places", "Resumable", "Step", "StepFailed", "UserError", "load", "main"]

log = logging.getLogger(__name__)
MAX_OUTCOME = 4096  # bytes: the kubelet cuts a termination message there


@dataclass(frozen=True)
class Places:
    """The files around a step."""

    spec: Path
    secret: Path
    ca: Path
    sandbox_token: Path
    scratch: Path
    termination_log: Path
    port: int

    @classmethod
    def from_environment(cls) -> "Places":
        """Return a pod's paths, or what the environment says instead."""

        def place(variable: str, default: str) -> Path:
            return Path(os.environ.get(f"OREMILL_{variable}", default))

        return cls(
            spec=place("SPEC", names.SPEC_FILE),
            secret=place("STORAGE_SECRET", names.STORAGE_SECRET_DIR),
            ca=place("STORAGE_CA", names.STORAGE_CA_FILE),
            sandbox_token=place("SANDBOX_TOKEN", names.SANDBOX_TOKEN_FILE),
            scratch=place("SCRATCH", names.SCRATCH_DIR),
            termination_log=place("TERMINATION_LOG", names.TERMINATION_LOG),
            port=int(os.environ.get("OREMILL_PROGRESS_PORT", names.PORT_PROGRESS)),
        )


@dataclass(frozen=True)
class Step:
    """Everything that a stage gets."""

    order: Order
    spec: JobSpec
    store: Store
    scratch: Path
    progress: ProgressBoard
    places: Places
    prefix: str  # key prefix of the artifact, without a trailing slash
    inputs: tuple[Input, ...]  # of the order, and the objects of the bucket that the spec names

    @property
    def uri(self) -> str:
        """Where the artifact is, or will be."""
        return self.store.uri(self.prefix)

    def input(self, name: str) -> Path:
        """Return a folder with an input artifact, downloaded once and checked.

        Args:
            name: of the input, such as "corpusRef" or "models[0]".
        """
        found = next((item for item in self.inputs if item.name == name), None)
        if found is None:
            known = ", ".join(item.name for item in self.inputs) or "none"
            raise StepFailed(f"the order has no input {name!r}; it has: {known}")
        folder = self.scratch / "inputs" / re.sub(r"\W+", "-", name).strip("-")
        folder.mkdir(parents=True, exist_ok=True)
        done = folder.with_suffix(".done")
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # ranks of one pod share the folder
            if not done.exists():
                self.store.fetch(self.store.key(found.uri), folder)
                done.touch()
        return folder


@dataclass(frozen=True)
class Made:
    """What a stage returns."""

    folder: Path  # becomes the artifact
    results: dict[str, float | int | str] = field(default_factory=dict)  # for status, kept short
    counters: dict[str, Any] = field(default_factory=dict)  # for the manifest, as long as needed
    libraries: tuple[str, ...] = ()  # distributions whose versions shaped the result
    placed: tuple[File, ...] = ()  # files that the stage has put into the artifact itself
    temporary: str = ""  # key prefix that is removed once the artifact is published


Make = Callable[[Step], Made]


def main(make: Make) -> NoReturn:
    """Run a stage from order to exit code."""
    standalone(lambda places: carry_out(make, load(places)))


def standalone(work: Callable[[Places], Outcome]) -> NoReturn:
    """Do a process's whole work, and end the process."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    places = Places.from_environment()
    code = finish(lambda: work(places), places.termination_log)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: threads of an interrupted engine (Daft's, torch's) would call into a half-gone
    # interpreter, and the process would end by SIGABRT instead of with our code.
    os._exit(code)


def finish(work: Callable[[], Outcome], termination_log: Path) -> int:
    """Do the work, write how it ended, and return the exit code of the contract."""
    try:
        outcome, code = work(), names.EXIT_DONE
    except StepError as error:
        outcome, code = _outcome(error.status, error.reason, str(error)), error.exit_code
        log.error("%s: %s", error.reason, error)
    except BaseException as error:
        outcome, code = _outcome("failed", _reason(error), _last_line(error)), 1
        log.exception("%s", outcome.reason)
    termination_log.write_text(fitted(outcome))
    return code


def load(places: Places, patience: float = PATIENCE) -> Step:
    """Read the order and open what the stage needs.

    Args:
        places: the files around the step.
        patience: seconds that the bucket may be away.

    Raises:
        UserError: the spec is wrong, the Secret is, or an input object is missing or was changed.
    """
    order = Order.model_validate_json(places.spec.read_text())
    spec = _typed(order)
    random.seed(spec.seed)
    store = Store.open(order.storage, places.secret, places.ca, patience)
    artifacts = [item for item in order.inputs if item.kind]
    inputs = artifacts + bucket_inputs(store, spec)
    order = _with_digest(order, digest(order.kind, spec, inputs))
    places.scratch.mkdir(parents=True, exist_ok=True)
    return Step(
        order=order,
        spec=spec,
        store=store,
        scratch=places.scratch,
        progress=ProgressBoard(order.kind),
        places=places,
        prefix=names.artifact_prefix(
            order.storage.prefix, order.namespace, order.kind, order.name, order.digest
        ),
        inputs=tuple(inputs),
    )


def carry_out(make: Make, step: Step) -> Outcome:
    """Make and publish the artifact, or find that it is there; say which."""
    done = step.store.manifest(step.prefix)
    if done is not None:
        log.info("%s is there; nothing to do", step.uri)
        return outcome_of(step, done, "done")
    if _rank() != 0:
        return Outcome(status="done", digest=step.order.digest, results=make(step).results)
    port = step.progress.serve(step.places.port)
    log.info("%s %s: progress on port %d", step.order.kind, step.order.name, port)
    try:
        made = make(step)
        done = step.store.publish(made.folder, step.prefix, _manifest(step, made))
        if made.temporary:
            step.store.remove_prefix(made.temporary)
    finally:
        step.progress.close()
    log.info("%s is published, %d files", step.uri, len(done.files))
    return outcome_of(step, done, "done")


def outcome_of(step: Step, manifest: Manifest, status: str) -> Outcome:
    """Return what the operator is told of a finished artifact."""
    return Outcome(
        status=status,
        digest=manifest.digest,
        artifact=manifest.artifact(step.uri),
        results=manifest.results,
    )


def fitted(outcome: Outcome) -> str:
    """Return the outcome as JSON that fits into a termination message."""
    text = outcome.model_dump_json(by_alias=True)
    if len(text.encode()) <= MAX_OUTCOME:
        return text
    if outcome.artifact and outcome.artifact.inputs:  # the manifest has them too
        return fitted(
            outcome.model_copy(
                update={"artifact": outcome.artifact.model_copy(update={"inputs": []})}
            )
        )
    if len(outcome.message) > 512:
        return fitted(outcome.model_copy(update={"message": outcome.message[:509] + "..."}))
    some = dict(list(outcome.results.items())[: len(outcome.results) // 2])
    return fitted(outcome.model_copy(update={"results": some}))


def _manifest(step: Step, made: Made) -> Manifest:
    order = step.order
    return Manifest(
        kind=order.kind,
        namespace=order.namespace,
        name=order.name,
        digest=order.digest,
        created_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        recipe=RECIPES[order.kind],
        spec=shaping(step.spec),
        inputs=list(step.inputs),
        versions=versions(made.libraries),
        counters=made.counters,
        results=made.results,
        files=list(made.placed),
        command=["python", *sys.orig_argv[1:]],
    )


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of distributions, by name."""
    return {"python": sys.version.split()[0]} | {name: version(name) for name in libraries}


def _typed(order: Order) -> JobSpec:
    try:
        return parse(order.kind, order.spec)
    except (InvalidSpec, ValidationError) as error:
        raise UserError(str(error)) from error


def _with_digest(order: Order, found: str) -> Order:
    if order.digest not in ("", found):
        raise UserError(
            f"the inputs of {order.name} changed after they were resolved (digest {found[:10]} "
            f"instead of {order.digest[:10]}); set the annotation {names.ANNOTATION_RETRY} to run "
            "it with what is there now"
        )
    return order.model_copy(update={"digest": found})


def _rank() -> int:
    """Return the global rank under torchrun, else the node's."""
    return int(os.environ.get("RANK") or os.environ.get("PET_NODE_RANK") or 0)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # once is enough; what follows is not to be cut short
    raise Preempted(f"stopped by {signal.Signals(number).name}")


def _outcome(status: str, reason: str, message: str) -> Outcome:
    return Outcome(status=status, reason=reason, message=message)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "DiskFull"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's
        return "OutOfMemory"
    return "StepFailed"


def _last_line(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()
