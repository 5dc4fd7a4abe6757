"""kopf's side of the operator: settings, watches, start and end.

    kopf run -m oremill.handlers --standalone -A          (or: -n one -n two)

Handlers take note of an event and put keys into the queue; the looking is done in
`oremill.reconcile`. Only plain event handlers are used: they keep no state in annotations, and need
no finalizer on any object (kopf's timers and deletion handlers would put one on each).
"""

import asyncio
import logging
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kopf
from aiohttp import web

from oremill import __version__, metrics, names, settings
from oremill.board import Board
from oremill.cluster import Cluster
from oremill.health import Health, serve
from oremill.lease import Lease
from oremill.reconcile import Reconciler
from oremill.stage import Key
from oremill.workqueue import WorkQueue

log = logging.getLogger(__name__)
_CHILDREN = (("batch", "jobs"), ("", "pods"), ("apps", "deployments"))
_SELECTOR = f"{names.LABEL_MANAGED_BY}=oremill"
_OWN_KEY_BYTES = 32


@dataclass
class Operator:
    """What lives as long as the process."""

    cluster: Cluster
    queue: WorkQueue[Key] = field(default_factory=WorkQueue)
    board: Board = field(default_factory=Board)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    servers: list[web.AppRunner] = field(default_factory=list)


@kopf.on.login()
def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Log kopf in without the package `kubernetes`, whose models it would load."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Configure kopf, connect, and start workers and servers."""
    configure(settings)
    memo.operator = await begin()


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """End what `start` began."""
    operator: Operator = memo.operator
    for task in operator.tasks:
        task.cancel()
    await asyncio.gather(*operator.tasks, return_exceptions=True)
    for server in operator.servers:
        await server.cleanup()
    await operator.cluster.close()


def configure(config: kopf.OperatorSettings) -> None:
    """Set what matters in production."""
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line an event says nothing
    config.peering.standalone = True  # a Lease decides, not kopf's own peering
    config.posting.enabled = False  # we post Events ourselves, one a transition
    # Never used; under our own finalizer's name kopf would take ours for its own, and remove it.
    config.persistence.finalizer = f"{names.GROUP}/kopf"
    config.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=names.GROUP)
    config.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=names.GROUP)
    # No watch on CRDs and namespaces: that would need rights on the whole cluster. `begin` checks
    # instead that the six kinds are served.
    config.scanning.disabled = True
    config.networking.request_timeout = 30
    config.watching.server_timeout = 600  # a silent dead watch lives no longer (kopf#1276)
    config.watching.chunk_size = 500  # objects of a listing held at once
    for group, plural in _CHILDREN:
        # Filtered on the server: pods of others never reach us.
        config.watching.label_selectors[group, "v1", plural] = _SELECTOR


async def begin() -> Operator:
    """Return the running operator."""
    config = settings.load(os.environ.get(names.ENV_SETTINGS))
    operator = Operator(await Cluster.connect())
    missing = await operator.cluster.missing_kinds()
    if missing:
        raise kopf.PermanentError(f"the API server does not serve {missing}; install the CRDs")
    reconciler = Reconciler(operator.cluster, config, _key(), operator.board)
    health = Health(
        queue=operator.queue.lateness, watch=lambda: operator.board.watch_lag(time.monotonic())
    )

    async def work() -> None:
        metrics.LEADING.set(1)
        try:
            await operator.queue.run(reconciler, config.concurrency)
        finally:
            metrics.LEADING.set(0)

    _measure(operator)
    operator.tasks = [
        asyncio.create_task(_watched(_led(operator, work), health)),
        asyncio.create_task(health.tick()),
    ]
    operator.servers = await serve(health, config.metrics_port, config.health_port)
    health.ready = True
    return operator


def _measure(operator: Operator) -> None:
    metrics.BUILD.labels(__version__).set(1)
    metrics.QUEUE_DEPTH.set_function(lambda: len(operator.queue))
    metrics.REGISTRY.register(metrics.Objects(operator.board.statuses.items))


async def _led(operator: Operator, work: Any) -> None:
    """Work at once, or whenever the Lease is ours when one is named."""
    lease = os.environ.get(names.ENV_LEASE)
    if not lease:
        await work()
        return
    namespace, _, name = lease.partition("/")
    identity = f"{socket.gethostname()}-{os.getpid()}"
    await Lease(operator.cluster.api, namespace, name, identity).lead(work)


async def _watched(work: Any, health: Health) -> None:
    """Tell the kubelet when the workers end: a restart is the cure."""
    try:
        await work
        health.dead = "without an error"
    except Exception as error:
        health.dead = repr(error)
        log.exception("the workers ended")


def _key() -> bytes:
    """Return the key of sandbox tokens; without a file, one that lives as long as the process."""
    path = os.environ.get(names.ENV_KEY_FILE)
    if path:
        return Path(path).read_bytes()
    log.warning("%s is not set: a restart changes the sandboxes' tokens", names.ENV_KEY_FILE)
    return os.urandom(_OWN_KEY_BYTES)


async def on_object(type: str | None, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:  # noqa: A002
    """Wake the object and those that wait for it."""
    operator: Operator = memo.operator
    plain = {name: body.get(name) for name in ("kind", "metadata", "spec", "status")}
    if type == "DELETED":
        woken = operator.board.forget(Key.of(plain))
    else:
        woken = operator.board.notice(plain)
    for key in woken:
        operator.queue.add(key)


async def on_child(meta: kopf.Meta, memo: kopf.Memo, **_: Any) -> None:
    """Wake the owner of a Job, pod or Deployment."""
    operator: Operator = memo.operator
    kind = meta.labels.get(names.LABEL_KIND, "")
    owner = meta.annotations.get(names.ANNOTATION_OWNER)
    if kind in names.WORDS and owner and meta.namespace:
        operator.queue.add(Key(kind, meta.namespace, owner))


for _plural in names.PLURALS.values():
    kopf.on.event(names.GROUP, names.VERSION, _plural)(on_object)
for _group, _plural in _CHILDREN:
    kopf.on.event(_group, "v1", _plural, labels={names.LABEL_MANAGED_BY: "oremill"})(on_child)
