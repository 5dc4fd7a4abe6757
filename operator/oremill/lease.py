"""One operator leads, the others stand by: a Lease of coordination.k8s.io.

Two leaders at once would do no harm (names are deterministic, children are applied, status writes
carry a version); the Lease saves the double work. A Lease counts as abandoned when it was not seen
to change for its duration by our own clock, so clocks of different nodes are never compared.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from oremill.api import Api, ApiError, Body, Conflict

log = logging.getLogger(__name__)
_DURATION = 15  # seconds without a change after which another may take it
_RENEW = 4.0  # seconds between two renewals
_DEADLINE = 10.0  # seconds without a renewal after which we stop, well before another may start


class Lease:
    """Our view of the Lease."""

    def __init__(self, api: Api, namespace: str, name: str, identity: str) -> None:
        self._api = api
        self._namespace, self._name, self._identity = namespace, name, identity
        self._version = ""  # resourceVersion last seen
        self._changed = 0.0  # when it was first seen

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` whenever we lead, and cancel it when we do not any more; for ever."""
        while True:
            if not await self._hold():
                await asyncio.sleep(_RENEW)
                continue
            log.info("leads")
            task = asyncio.ensure_future(work())
            try:
                await self._renew_until_lost(task)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await self._release()

    async def _renew_until_lost(self, task: asyncio.Future[None]) -> None:
        renewed = time.monotonic()
        while time.monotonic() - renewed < _DEADLINE and not task.done():
            await asyncio.wait([task], timeout=_RENEW)
            if await self._hold():
                renewed = time.monotonic()
        log.warning("leads no more")

    async def _hold(self) -> bool:
        """Take or renew the Lease, and return whether it is ours."""
        try:
            live = await self._api.get("coordination.k8s.io/v1", *self._key())
            if live is None:
                await self._api.create(self._body({}))
                return False  # the next look tells whose it is
            return await self._take(live)
        except (ApiError, OSError, TimeoutError) as error:
            log.warning("Lease %s: %s", self._name, error)
            return False

    async def _take(self, live: Body) -> bool:
        version = live["metadata"]["resourceVersion"]
        if version != self._version:
            self._version, self._changed = version, time.monotonic()
        holder = live["spec"].get("holderIdentity")
        fresh = time.monotonic() - self._changed < _DURATION
        if holder not in (self._identity, "", None) and fresh:
            return False
        try:
            await self._api.replace(self._body(live["metadata"]))
        except Conflict:
            return False
        return True

    async def _release(self) -> None:
        """Give the Lease back, so that the next one need not wait for it to run out."""
        try:
            live = await self._api.get("coordination.k8s.io/v1", *self._key())
            if live is not None and live["spec"].get("holderIdentity") == self._identity:
                await self._api.replace(live | {"spec": live["spec"] | {"holderIdentity": ""}})
        except (ApiError, OSError, TimeoutError) as error:
            log.warning("Lease %s: %s", self._name, error)

    def _key(self) -> tuple[str, str, str]:
        return "Lease", self._namespace, self._name

    def _body(self, meta: Body) -> Body:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {**meta, "name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": _DURATION,
                "renewTime": now,
            },
        }
