"""One look at one object: parse → observe → plan → apply → status.

Nothing is remembered between two looks but what the cluster holds, so a look may be repeated, come
late, or be cut off at any instruction.
"""

import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from oremill import names, parting
from oremill.api import Body, Conflict
from oremill.board import Board
from oremill.cluster import Cluster, Gone
from oremill.life import Life, Phase, decide
from oremill.metrics import RECONCILE_SECONDS, RECONCILES
from oremill.plans import plan, plan_deletion
from oremill.seen import Seen
from oremill.settings import Settings
from oremill.specs import InvalidSpec
from oremill.specs.status import JobStatus
from oremill.stage import Key, Stage, read_status
from oremill.status import Event, derive, events, rejected

_SOON = 0.2  # seconds until a look that a concurrent change cut off is taken again
_ACTIVE = ("Pending", "Queued", "Running")
_ACTIVE_A_SECOND = 10  # looks at active stages a second that no event asked for, in all


class Reconciler:
    """Takes looks; every dependency is handed in."""

    def __init__(self, cluster: Cluster, settings: Settings, key: bytes, board: Board) -> None:
        self._cluster = cluster
        self._settings = settings
        self._key = key
        self._board = board

    async def __call__(self, key: Key) -> float | None:
        """Look at an object and return the seconds until the next look, None when it is gone."""
        began, result = time.monotonic(), "error"
        try:
            following = await self._look(key)
            result = "done"
        except Conflict:  # the object changed while we looked
            following, result = _SOON, "conflict"
        except Gone:
            self._board.forget(key)
            following, result = None, "done"
        finally:
            RECONCILES.labels(key.kind, result).inc()
            RECONCILE_SECONDS.labels(key.kind).observe(time.monotonic() - began)
        return following

    async def _look(self, key: Key) -> float | None:
        body = await self._cluster.read(key)
        if body is None:
            self._board.forget(key)
            return None
        self._board.compare(key, body["metadata"]["generation"], time.monotonic())
        try:
            stage = Stage.of(body)
        except InvalidSpec as error:
            await self._invalid(body, str(error))
            return self._calm()
        if stage.deleting or _finalizers(stage) != list(stage.finalizers):
            return await self._delete_or_guard(stage, body)
        return await self._converge(stage, body)

    async def _converge(self, stage: Stage, body: Body) -> float | None:
        seen = await self._cluster.observe(stage)
        seen = replace(seen, circle=self._board.circle(stage.key))
        life = decide(stage, seen, self._settings)
        wanted = plan(stage, seen, life, self._settings, self._key)
        refused = await self._cluster.converge(stage, wanted)
        status = derive(stage, seen, life, refused)
        await self._report(body, status, seen.now)
        return await self._following(stage, seen, life, status)

    async def _report(self, body: Body, status: JobStatus, now: datetime) -> None:
        """Write the status, and post an Event for what it tells for the first time."""
        self._board.statuses[Key.of(body)] = status
        if await self._cluster.write_status(body, status):
            await self._cluster.post(body, events(read_status(body), status), now)

    async def _invalid(self, body: Body, message: str) -> None:
        if _leaves(body):  # a broken spec must not keep an object from going
            await self._cluster.write_finalizers(body, _without(body))
            return
        now = datetime.now(UTC)
        await self._report(body, rejected(body, message, now), now)

    async def _delete_or_guard(self, stage: Stage, body: Body) -> float | None:
        """Set the finalizer that deletionPolicy asks for, or do what it is there for."""
        if stage.deleting is None:
            await self._cluster.write_finalizers(body, _finalizers(stage))
            return _SOON
        if names.FINALIZER not in stage.finalizers:
            return self._calm()
        seen = await self._cluster.observe(stage)
        refused = await self._cluster.converge(stage, plan_deletion(stage, seen, self._settings))
        failed = parting.failed(stage, seen, refused)
        if failed:
            event = Event("Warning", "StorageUnavailable", f"artifacts stay: {failed}")
            await self._cluster.post(body, [event], seen.now)
        if failed or parting.cleaned(stage, seen):
            await self._cluster.write_finalizers(body, _without(body))
        else:
            await self._report(body, parting.parting(stage, seen, refused), seen.now)
        return float(self._settings.progress_seconds)

    async def _following(
        self, stage: Stage, seen: Seen, life: Life, status: JobStatus
    ) -> float | None:
        """Return the seconds until the next look; an object whose time is over is deleted."""
        left = _time_to_live(stage, status, seen.now)
        if left is not None and left <= 0:
            await self._cluster.delete(stage.key)
            return None
        if life.phase in (Phase.RESOLVING, Phase.RUNNING):
            return self._busy()
        return min(self._calm(), left) if left is not None else self._calm()

    def _busy(self) -> float:
        """Return the period of a running stage; it grows with their number, to spare the API."""
        active = sum(status.phase in _ACTIVE for status in self._board.statuses.values())
        return max(float(self._settings.progress_seconds), active / _ACTIVE_A_SECOND)

    def _calm(self) -> float:
        """Return the period of the rest, spread so that they do not come at once."""
        return self._settings.resync_seconds * random.uniform(0.8, 1.2)


def _finalizers(stage: Stage) -> list[str]:
    """Return the finalizers that the object should have."""
    others = [name for name in stage.finalizers if name != names.FINALIZER]
    return [*others, names.FINALIZER] if stage.spec.deletion_policy == "Delete" else others


def _leaves(body: Body) -> bool:
    meta = body["metadata"]
    return "deletionTimestamp" in meta and names.FINALIZER in (meta.get("finalizers") or ())


def _without(body: Body) -> list[str]:
    return [name for name in body["metadata"].get("finalizers") or () if name != names.FINALIZER]


def _time_to_live(stage: Stage, status: JobStatus, now: datetime) -> float | None:
    """Return the seconds that a finished object has left, None when it stays."""
    ttl = stage.spec.ttl_seconds_after_finished
    if ttl is None or status.finished_at is None:
        return None
    finished = datetime.fromisoformat(status.finished_at)
    return (finished + timedelta(seconds=ttl) - now).total_seconds()
