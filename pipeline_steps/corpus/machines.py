"""A stage on several machines: the pods of its job as a Ray cluster, or one that is there already.

    replicas 1      nothing of Ray starts
    replicas > 1    index 0 starts the head and makes the corpus; each other pod is a node of its
                    cluster, until the head is gone
    ray.address     this pod joins that cluster as a node without cores, which sends tasks

Between the pods travel tasks and errors alone: what they make goes through the bucket (parts.py).
The nodes of a foreign cluster take OREMILL_* from their own environment, as pods do (run.py);
OREMILL_RAY_TOKEN is a file with that cluster's token.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType
from typing import NoReturn, cast

from oremill import names
from oremill.specs.corpus import DataCorpusSpec, Ray
from pipeline_steps import run
from pipeline_steps.corpus import meeting, node, probe
from pipeline_steps.corpus.context import folder_of
from pipeline_steps.corpus.memory import shares
from pipeline_steps.errors import Preempted, Resumable, StepError, StepFailed, UserError
from pipeline_steps.launch import oom_kills
from pipeline_steps.limits import cores, memory

log = logging.getLogger(__name__)

PATIENCE = 600.0  # seconds in which the pods of a job must meet; torchrun waits as long
FOREIGN_PATIENCE = 60.0  # seconds in which the cluster of spec.ray must answer
MOURNING = 60.0  # seconds in which the Job's controller stops us when another pod has failed
LAST_WORDS = 20.0  # seconds in which nodes must answer after an error
NO_MEMORY = "a process of a pod was killed for memory; raise spec.pod.memory"
ONE_IMAGE = "every pod of a job must run one image: give it a tag that does not move"
FOREIGN_NODES = (
    "every node must run the data image of this release and mount the Secret of "
    f"spec.storage.secretRef at {names.STORAGE_SECRET_DIR}"
)


def spread(make: run.Make) -> run.Make:
    """Return the stage whose passes run where the spec says; the rest of it stays in this pod."""

    def made(step: run.Step) -> run.Made:
        ray = cast(DataCorpusSpec, step.spec).ray
        if int(os.environ.get("PET_NODE_RANK") or 0) > 0:
            return serve(step)
        if ray is None and _pods() == 1:
            return make(step)
        with foreign(step, ray) if ray else own(step):
            return make(step)

    return made


def serve(step: run.Step) -> run.Made:
    """Be a node of the job's cluster until its head is gone.

    However the head ended, it is the one to say so: a failure here could hide why.

    Raises:
        Resumable: the head did not answer in time.
        StepFailed: the node ended before the head.
    """
    kills = oom_kills()
    head = meeting.met(*_head(), PATIENCE, "the first pod of the job")
    node.prepare(RAY_AUTH_TOKEN=node.token(step))
    try:
        with _joined(step, head, _workers(step)) as process:
            log.info("a node of the cluster at %s", head.address)
            if head.outlasts(process):
                raise _broken(oom_kills() > kills, node.last_words(step.scratch))
    except node.NotStarted as error:
        if head.answers():
            raise _broken(oom_kills() > kills, str(error)) from error
    log.info("the cluster at %s has ended", head.address)
    return run.Made(step.scratch)


@contextmanager
def own(step: run.Step) -> Iterator[None]:
    """Hold a cluster of the job's pods, with its head here.

    Raises:
        Resumable: not all pods joined in time.
        StepFailed: the head did not start, or a pod was lost.
    """
    head = meeting.itself(*_head(), PATIENCE)
    node.prepare(RAY_AUTH_TOKEN=node.token(step))
    first = ("--head", f"--port={head.port}", "--include-dashboard=false", "--no-monitor")
    try:
        with (
            node.running(
                step.scratch, _workers(step), f"--node-ip-address={head.here}", *first
            ) as process,
            _connected(step, head, process),
        ):
            _await(_pods())
            with _watched(step, "spec.pod.image", ONE_IMAGE, MOURNING):
                yield
    except node.NotStarted as error:
        raise StepFailed(f"the head of the Ray cluster did not start: {error}") from error


@contextmanager
def foreign(step: run.Step, ray: Ray) -> Iterator[None]:
    """Hold a place in the cluster that the spec names.

    Raises:
        UserError: it does not let us in, or its nodes lack what the passes need.
        Resumable: it does not answer.
    """
    host, _, port = ray.address.rpartition(":")
    head = meeting.met(host, int(port), FOREIGN_PATIENCE, "spec.ray.address: the Ray cluster")
    node.prepare(RAY_AUTH_TOKEN_PATH=os.environ.get("OREMILL_RAY_TOKEN", names.RAY_TOKEN_FILE))
    try:
        with (
            _joined(step, head, 0) as process,
            _connected(step, head, process),
            _watched(step, "spec.ray.address", FOREIGN_NODES),
            _forgotten(step),
        ):
            yield
    except node.NotStarted as error:
        raise UserError(
            f"spec.ray.address: {ray.address} does not let this pod in; see that its Ray and "
            f"Python are those of the data image, and spec.ray.tokenRef its token: {error}"
        ) from error


@contextmanager
def _forgotten(step: run.Step) -> Iterator[None]:
    """Leave no text on nodes that go on without us, of this attempt or of one that was cut off."""
    import ray

    try:
        yield
    finally:
        with suppress(
            ray.exceptions.RayError, RuntimeError
        ):  # a cluster that is gone keeps nothing
            probe.forget(folder_of(step.order), LAST_WORDS)


def _workers(step: run.Step) -> int:
    """Return how many tasks this pod may do at once, which are cores to Ray."""
    return shares(memory(), cores(), cast(DataCorpusSpec, step.spec)).workers


def _joined(
    step: run.Step, head: meeting.Head, workers: int
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    where = (f"--address={head.address}", f"--node-ip-address={head.here}")
    return node.running(step.scratch, workers, *where)


def _head() -> tuple[str, int]:
    """Return where the pods of a job meet."""
    return os.environ["PET_MASTER_ADDR"], int(os.environ["PET_MASTER_PORT"])


def _pods() -> int:
    return int(os.environ.get("PET_NNODES") or 1)


@contextmanager
def _connected(
    step: run.Step, head: meeting.Head, process: subprocess.Popen[bytes]
) -> Iterator[None]:
    """Be a member of the cluster, whose nodes then do the passes (engine.py).

    Told to stop, the process ends at once: what a signal's handler raises amid Ray's native code
    may come out as a SystemError, and Ray's own handler ends with another exit code.
    """
    import ray

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        process.terminate()
        os._exit(run.finish(lambda: _stopped(number), step.places.termination_log))

    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            head.address, _node_ip_address=head.here, log_to_driver=False, configure_logging=False
        )
    except SystemExit:  # of Ray's handler
        _stopped(signal.SIGTERM)
    signal.signal(signal.SIGTERM, stop)
    yield
    ray.shutdown()  # a member ends a minute after the head, and there is the artifact to publish
    signal.signal(signal.SIGTERM, before)


def _stopped(number: int) -> NoReturn:
    raise Preempted(f"stopped by {signal.Signals(number).name}")


def _await(pods: int) -> None:
    """Wait until every pod has joined."""
    deadline = time.monotonic() + PATIENCE
    while (joined := len(_alive())) < pods:
        if time.monotonic() > deadline:
            raise Resumable(
                f"{joined} of {pods} pods (spec.workers.replicas) joined the Ray cluster within "
                f"{PATIENCE:.0f} s; see why the others do not run"
            )
        time.sleep(0.5)
    log.info("%d of %d pods are nodes of the Ray cluster", joined, pods)


def _alive() -> set[str]:
    import ray

    return {one["NodeID"] for one in ray.nodes() if one["Alive"]}


@contextmanager
def _watched(step: run.Step, field: str, advice: str, mourning: float = 0.0) -> Iterator[None]:
    """Look at every node, work, and say of an error what has become of the nodes.

    Args:
        step: the stage.
        field: of the spec, to which a node without what it needs is due.
        advice: what every node needs.
        mourning: seconds to wait after a node was lost, in which its pod tells why.
    """
    nodes, kills = len(_alive()), 0
    try:
        kills = _examined(step, field, advice)
        yield
    except StepError:
        raise
    except Exception as error:
        failed = _became_of(error, step, nodes, kills)
        if failed is None:
            raise
        if failed.reason == "StepFailed":
            time.sleep(mourning)
        raise failed from error


def _examined(step: run.Step, field: str, advice: str) -> int:
    """Return how many processes were killed for memory before we came.

    Raises:
        UserError: a node would fail, or make other bytes.
    """
    answers = probe.ask(step.places.ca.is_file())
    for one in answers:
        if one.fault:
            raise UserError(f"{field}: the node {one.address} {one.fault}; {advice}")
    return sum(one.kills for one in answers)


def _became_of(error: Exception, step: run.Step, nodes: int, kills: int) -> StepFailed | None:
    """Return what is told of nodes that are lost or short of memory; None where that is not it.

    Args:
        error: that ended the work.
        step: the stage.
        nodes: how many there were.
        kills: how many processes had been killed for memory.
    """
    import ray

    try:
        answers = probe.ask(step.places.ca.is_file(), LAST_WORDS)
    except ray.exceptions.RayError:
        answers = []
    if sum(one.kills for one in answers) > kills:
        return StepFailed(NO_MEMORY, "OutOfMemory")
    if len(answers) < nodes:
        return StepFailed(f"a node of the Ray cluster was lost; {nodes} had joined")
    if isinstance(error, ray.exceptions.WorkerCrashedError):
        return StepFailed("a process of a node was killed, or crashed in native code")
    return None


def _broken(out_of_memory: bool, told: str) -> StepFailed:
    """Return what is told of a node that ended before its head."""
    if out_of_memory:
        return StepFailed(NO_MEMORY, "OutOfMemory")
    return StepFailed(f"the Ray node of this pod ended: {told}")
