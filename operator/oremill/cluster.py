"""The operator's door to the cluster: observe a stage, make its plan true, write its status.

Everything is read fresh: Jobs and pods by the owner's label, inputs by name. A cache would be
faster and sometimes wrong: it takes a Job that it has not heard of for one that was deleted.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from pydantic import ValidationError

from oremill import names
from oremill.api import Api, Body, Missing, Refused
from oremill.drift import differs
from oremill.plans import Child, Manifest, Plan
from oremill.seen import GateSeen, InputSeen, JobSeen, PodSeen, PoolSeen, Seen
from oremill.specs.artifact import Progress
from oremill.specs.status import JobStatus
from oremill.stage import Key, Reference, Stage, fingerprint, references
from oremill.status import Event, changes, timestamp

log = logging.getLogger(__name__)
_PROGRESS_TIMEOUT = 2.0  # seconds; a miss is no error
_PROGRESS_AT_ONCE = 16
_PODS_DUE = timedelta(seconds=2)  # after which a Job without pods is asked why
_STUCK_READ = 4  # children of one stage whose warnings are read in one look


class Gone(Exception):
    """The custom resource was deleted while we looked at it."""


class Cluster:
    """Reads and writes for one operator."""

    def __init__(self, api: Api, session: aiohttp.ClientSession) -> None:
        self.api = api
        self._session = session
        self._readers = asyncio.Semaphore(_PROGRESS_AT_ONCE)

    @classmethod
    async def connect(cls) -> "Cluster":
        """Return a connected cluster."""
        timeout = aiohttp.ClientTimeout(total=_PROGRESS_TIMEOUT)
        return cls(await Api.connect(), aiohttp.ClientSession(timeout=timeout))

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        await self.api.close()

    async def missing_kinds(self) -> str:
        """Return those of our kinds that the API server does not serve, as text."""
        served = await self.api.served(names.API_VERSION)
        return ", ".join(plural for plural in names.PLURALS.values() if plural not in served)

    async def read(self, key: Key) -> Body | None:
        """Return a custom resource, None when it is gone."""
        return await self.api.get(names.API_VERSION, key.kind, key.namespace, key.name)

    async def observe(self, stage: Stage) -> Seen:
        """Return everything around a stage."""
        inputs, gates, jobs, pods, pools = await asyncio.gather(
            self._inputs(stage),
            self._gates(stage),
            self._children(stage, "batch/v1", "Job"),
            self._children(stage, "v1", "Pod"),
            self._children(stage, "apps/v1", "Deployment"),
        )
        seen = Seen(
            now=datetime.now(UTC),
            inputs=inputs,
            gates=gates,
            jobs=tuple(JobSeen.of(body) for body in jobs),
            pods=tuple(PodSeen.of(body) for body in pods),
            pools=tuple(PoolSeen.of(body) for body in pools),
        )
        return Seen(
            **{
                **vars(seen),
                "progress": await self._progress(seen),
                "warnings": await self._warnings(stage, seen),
            }
        )

    async def _children(self, stage: Stage, api_version: str, kind: str) -> list[Body]:
        selector = f"{names.LABEL_OWNER_UID}={stage.uid}"
        return await self.api.list(api_version, kind, stage.key.namespace, labelSelector=selector)

    async def _inputs(self, stage: Stage) -> tuple[InputSeen, ...]:
        return tuple([await self._input(stage, item) for item in references(stage.spec)])

    async def _input(self, stage: Stage, reference: Reference) -> InputSeen:
        key = Key(reference.kind, stage.key.namespace, reference.name)
        return InputSeen.of(reference, await self.read(key))

    async def _gates(self, stage: Stage) -> tuple[GateSeen, ...]:
        found = []
        for gate in stage.spec.requires:
            key = Key("EvalJob", stage.key.namespace, gate.eval_ref.name)
            found.append(GateSeen.of(gate, await self.read(key)))
        return tuple(found)

    async def _progress(self, seen: Seen) -> Progress | None:
        """Return what rank 0 of the running step says, None when it does not answer in time."""
        ranks = (pod for pod in seen.pods if pod.role == names.ROLE_STEP and pod.index == 0)
        pod = next((pod for pod in ranks if pod.phase == "Running" and pod.ip), None)
        if pod is None:
            return None
        host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        try:
            async with (
                self._readers,
                self._session.get(f"http://{host}:{names.PORT_PROGRESS}/progress") as answer,
            ):
                return Progress.model_validate_json(await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValidationError):
            return None

    async def _warnings(self, stage: Stage, seen: Seen) -> dict[str, str]:
        """Return the last warning of each child that does not start, in the API's own words."""
        found = {}
        for kind, name in list(_stuck(seen))[:_STUCK_READ]:
            selector = f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
            events = await self.api.list("v1", "Event", stage.key.namespace, fieldSelector=selector)
            if events:
                found[name] = str(max(events, key=_event_time).get("message", ""))
        return found

    async def converge(self, stage: Stage, plan: Plan) -> str:
        """Make the plan true; return the API server's words where it does not allow a child."""
        for child in plan.delete:
            await self.remove(stage, child)
        try:
            for manifest in plan.apply:
                await self._ensure(manifest)
        except Refused as error:
            log.warning("%s %s: %s", stage.kind, stage.key.name, error.message)
            return error.message
        return ""

    async def remove(self, stage: Stage, child: Child) -> None:
        """Delete a child."""
        log.info("%s %s: deletes %s %s", stage.kind, stage.key.name, child.kind, child.name)
        await self.api.delete(child.api_version, child.kind, stage.key.namespace, child.name)

    async def _ensure(self, manifest: Manifest) -> None:
        """Apply a child unless it is as it should be, going, or an earlier namesake's."""
        if manifest["kind"] == "Secret":  # the operator may write Secrets, not read them
            await self.api.apply(manifest)
            return
        meta = manifest["metadata"]
        live = await self.api.get(
            manifest["apiVersion"], manifest["kind"], meta["namespace"], meta["name"]
        )
        if live is None:
            log.info("creates %s %s", manifest["kind"], meta["name"])
            await self.api.apply(manifest)
        elif _is_ours(live, manifest) and differs(manifest, live):
            log.info("repairs %s %s", manifest["kind"], meta["name"])
            await self.api.apply(manifest)

    async def write_status(self, body: Body, status: JobStatus) -> bool:
        """Write the status if it changed, and return whether it did.

        Raises:
            Conflict: the object changed since `body` was read.
            Gone: it was deleted since.
        """
        patch = changes(body.get("status") or {}, status)
        if not patch:
            return False
        version = body["metadata"]["resourceVersion"]
        await self._patch(
            Key.of(body), {"metadata": {"resourceVersion": version}, "status": patch}, "status"
        )
        return True

    async def write_finalizers(self, body: Body, finalizers: list[str]) -> None:
        """Replace the object's finalizers.

        Raises:
            Conflict: the object changed since `body` was read.
            Gone: it was deleted since.
        """
        version = body["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version, "finalizers": finalizers}}
        await self._patch(Key.of(body), patch)

    async def delete(self, key: Key) -> None:
        """Delete a custom resource."""
        await self.api.delete(names.API_VERSION, key.kind, key.namespace, key.name)

    async def _patch(self, key: Key, patch: Body, sub: str = "") -> None:
        try:
            await self.api.merge(names.API_VERSION, key.kind, key.namespace, key.name, patch, sub)
        except Missing as error:
            raise Gone(key) from error

    async def post(self, body: Body, events: Iterable[Event], now: datetime) -> None:
        """Post Events about an object; the same one twice is one."""
        for event in events:
            await self.api.create(_event(body, event, timestamp(now)))


def _is_ours(live: Body, manifest: Manifest) -> bool:
    """Return whether a live object is this owner's and stays; else wait until it is gone."""
    labels = live["metadata"].get("labels") or {}
    same = labels.get(names.LABEL_OWNER_UID) in (
        None,  # a label removed by hand is put back
        manifest["metadata"]["labels"][names.LABEL_OWNER_UID],
    )
    return same and "deletionTimestamp" not in live["metadata"]


def _stuck(seen: Seen) -> Iterable[tuple[str, str]]:
    """Yield kind and name of children that do not start, and whose status does not say why."""
    for job in seen.jobs:
        late = job.started_at is not None and seen.now - job.started_at > _PODS_DUE
        if job.active and late and not job.suspended and not seen.pods_of(job):
            yield "Job", job.name
    for pod in seen.pods:
        silent = not pod.unschedulable and pod.waiting in ("", "ContainerCreating")
        if pod.phase == "Pending" and silent and not pod.deleting:
            yield "Pod", pod.name


def _event_time(body: Body) -> str:
    return str(body.get("lastTimestamp") or body.get("eventTime") or "")


def _event(body: Body, event: Event, now: str) -> Body:
    meta = body["metadata"]
    mark = fingerprint([meta["uid"], event.reason, event.message, meta["generation"]])
    about: dict[str, Any] = {
        "apiVersion": names.API_VERSION,
        "kind": body["kind"],
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
        "resourceVersion": meta["resourceVersion"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name'][:200]}.{mark}", "namespace": meta["namespace"]},
        "involvedObject": about,
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:1024],
        "source": {"component": "oremill"},
        "reportingComponent": f"{names.GROUP}/operator",
        "reportingInstance": "oremill",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
