"""What the operator remembers between looks: never truth, only who to wake and what to count.

Everything here is filled by events and lost at a restart; the first listing fills it again.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from oremill import names
from oremill.specs import InvalidSpec, parse
from oremill.specs.status import JobStatus
from oremill.stage import Key, fingerprint, references


@dataclass
class Board:
    """Per object: what it refers to, what was last noticed of it, its last status."""

    _needs: dict[Key, frozenset[Key]] = field(default_factory=dict)
    _needed_by: dict[Key, set[Key]] = field(default_factory=dict)
    _own: dict[Key, str] = field(default_factory=dict)
    _public: dict[Key, str] = field(default_factory=dict)
    _generations: dict[Key, int] = field(default_factory=dict)
    _behind: dict[Key, float] = field(default_factory=dict)
    statuses: dict[Key, JobStatus] = field(default_factory=dict)

    def notice(self, body: dict[str, Any]) -> set[Key]:
        """Take note of an event and return whom it concerns: the object, those that wait for it.

        The operator's own status writes come back as events; they concern nobody.
        """
        key = Key.of(body)
        self._generations[key] = body["metadata"]["generation"]
        self._behind.pop(key, None)
        woken = self._wake(self._own, key, _own(body), {key})
        self._refer(key, body)
        return woken | self._wake(self._public, key, _public(body), self._dependants(key))

    def forget(self, key: Key) -> set[Key]:
        """Drop a deleted object and return those that waited for it."""
        for table in (self._own, self._public, self._generations, self._behind, self.statuses):
            table.pop(key, None)
        for needed in self._needs.pop(key, ()):
            self._needed_by.get(needed, set()).discard(key)
        return self._dependants(key)

    def circle(self, key: Key) -> tuple[Key, ...]:
        """Return the shortest way from an object over what it waits for back to it, if any."""
        ways: deque[tuple[Key, ...]] = deque([(key,)])
        known = {key}
        while ways:
            way = ways.popleft()
            for needed in sorted(self._needs.get(way[-1], ()), key=str):
                if needed == key:
                    return (*way, key)
                if needed not in known:
                    known.add(needed)
                    ways.append((*way, needed))
        return ()

    def compare(self, key: Key, generation: int, now: float) -> None:
        """Take note of what a fresh read shows: a change that no event told of."""
        if generation > self._generations.get(key, 0):
            self._behind.setdefault(key, now)

    def watch_lag(self, now: float) -> float:
        """Return for how many seconds the watch has been silent about a change."""
        return max((now - since for since in self._behind.values()), default=0.0)

    def _dependants(self, key: Key) -> set[Key]:
        return set(self._needed_by.get(key, ()))

    def _wake(self, table: dict[Key, str], key: Key, mark: str, whom: set[Key]) -> set[Key]:
        before = table.get(key)
        table[key] = mark
        return whom if before != mark else set()

    def _refer(self, key: Key, body: dict[str, Any]) -> None:
        needs = _needs(body)
        for gone in self._needs.get(key, frozenset()) - needs:
            self._needed_by[gone].discard(key)
        for needed in needs:
            self._needed_by.setdefault(needed, set()).add(key)
        self._needs[key] = needs


def _needs(body: dict[str, Any]) -> frozenset[Key]:
    try:
        spec = parse(body["kind"], body.get("spec") or {})
    except InvalidSpec:
        return frozenset()
    namespace = body["metadata"]["namespace"]
    inputs = {Key(item.kind, namespace, item.name) for item in references(spec)}
    gates = {Key("EvalJob", namespace, gate.eval_ref.name) for gate in spec.requires}
    return frozenset(inputs | gates)


def _own(body: dict[str, Any]) -> str:
    """Return a mark of what the object's own reconcile depends on."""
    meta = body["metadata"]
    retry = (meta.get("annotations") or {}).get(names.ANNOTATION_RETRY)
    parts = (meta["uid"], meta["generation"], retry, meta.get("deletionTimestamp"))
    return fingerprint([*parts, meta.get("finalizers")])


def _public(body: dict[str, Any]) -> str:
    """Return a mark of what other objects see of this one."""
    status = body.get("status") or {}
    ends = [
        (item["type"], item["status"], item.get("message"))
        for item in status.get("conditions") or ()
        if item["type"] in ("Complete", "Failed")
    ]
    parts = (status.get("observedGeneration"), status.get("artifact"), status.get("results"))
    return fingerprint([body["metadata"]["generation"], *parts, ends])
