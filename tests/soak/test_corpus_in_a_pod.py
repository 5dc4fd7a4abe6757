"""Gigabytes of sources through a DataCorpus in a pod with a limit: it ends well, and holds little.

The figures are printed, and written to the folder of OREMILL_SOAK_OUT if that is set. Of the large
input OREMILL_SOAK_GB gigabytes are made, 10 unless it is set.
"""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from oremill.names import ROLE_STEP
from pipeline_steps.storage import Object, Store
from tests.e2e.kube import JsonObject, Kube
from tests.soak import sources
from tests.soak.cgroup import Memory, Uids, watched

pytestmark = pytest.mark.soak

GIGABYTES = float(os.environ.get("OREMILL_SOAK_GB", "10"))
LIMIT = 4 * 2**30  # bytes of memory of the pod, as in CORPUS
SECONDS = 3 * 3600  # a guard, not a measurement
REAL = 300e6  # bytes of real sources at least
CORPUS = """
apiVersion: oremill.dev/v1alpha1
kind: DataCorpus
metadata: {{name: {name}}}
spec:
  sources: [{{name: packages, archives: {{prefix: {prefix}}}}}]
  licences: {{unlicensed: keep}}
  decontamination: [{{benchmark: humaneval}}]
  storage: {{secretRef: {{name: oremill-storage}}}}
  pod: {{memory: 4Gi, scratch: 24Gi}}  # the demo gives it two cores
"""


@dataclass
class Told:
    """A corpus that was made, and what was seen meanwhile."""

    input: int  # bytes of files
    seconds: float = 0.0
    memory: Memory = field(default_factory=Memory)
    pods: list[str] = field(default_factory=list)
    status: JsonObject = field(default_factory=dict)
    manifest: JsonObject = field(default_factory=dict)
    kept: list[Object] = field(default_factory=list)  # parts when the pod was killed
    later: list[Object] = field(default_factory=list)  # the same, once the next one had begun

    def tell(self, name: str) -> None:
        """Print the figures, and write them down."""
        stages = self.manifest["counters"]["stages"]
        figures = {
            "input GB": round(self.input / 1e9, 2),
            "files": stages[0]["filesIn"],
            "kept GB": round(stages[-1]["bytesOut"] / 1e9, 2),
            "seconds": round(self.seconds),
            "MB/s": round(self.input / 1e6 / self.seconds, 2),
            "pods": len(self.pods),
            "held MiB": self.memory.held >> 20,
            "charged MiB": self.memory.charged >> 20,
        }
        print(json.dumps({name: figures}))
        if folder := os.environ.get("OREMILL_SOAK_OUT"):
            told = asdict(self) | {"figures": figures}
            Path(folder, f"{name}.json").write_text(json.dumps(told, indent=1))


def _pods(kube: Kube, name: str) -> list[JsonObject]:
    return kube.children("pods", "DataCorpus", name, ROLE_STEP)


def _parts(store: Store, kube: Kube, name: str, role: str = "") -> list[Object]:
    return store.list(f"{kube.namespace}/corpus/{name}/work/{role}")


def _made(kube: Kube, store: Store, name: str, size: int, kill: bool) -> Told:
    """Apply a corpus, look on until it is there, and kill its pod once on the way if asked to."""
    told, uids, began = Told(size), Uids(), time.monotonic()
    kube.apply(CORPUS.format(name=name, prefix=f"{name}/"))
    with watched(uids) as told.memory:

        def look() -> JsonObject:
            for pod in _pods(kube, name):
                uids.add(pod["metadata"]["uid"])
            return kube.stage("DataCorpus", name)

        over = ("Complete", "Failed")
        if kill:
            kube.wait(
                "the first partition to be studied",
                look,
                lambda seen: seen.get("phase") in over or _parts(store, kube, name, "studied/"),
                SECONDS,
            )
            told.kept = _parts(store, kube, name)
            (pod,) = (one for one in _pods(kube, name) if one["status"]["phase"] == "Running")
            kube.must("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
            kube.wait("a second pod", look, lambda _: len(uids()) > 1, 300)
            kube.wait(
                "the second pod to have made something",
                look,
                lambda seen: (
                    seen.get("phase") in over or len(_parts(store, kube, name)) > len(told.kept)
                ),
                SECONDS,
            )
            told.later = _parts(store, kube, name)
        told.status = kube.wait("the corpus", look, lambda seen: seen.get("phase") in over, SECONDS)
    told.seconds, told.pods = time.monotonic() - began, sorted(uids())
    assert told.status["phase"] == "Complete", told.status
    prefix = store.key(told.status["artifact"]["uri"])
    manifest = store.manifest(prefix)
    assert manifest is not None
    told.manifest = manifest.model_dump(mode="json", by_alias=True)
    told.tell(name)
    return told


@pytest.fixture(scope="module")
def large(kube: Kube, store: Store) -> Told:
    """A corpus of gigabytes, whose pod was killed once."""
    size = sources.upload(store, "large/", sources.archives(int(GIGABYTES * 1e9)))
    told = _made(kube, store, "large", size, kill=True)
    store.remove_prefix("large/")
    return told


@pytest.fixture(scope="module")
def real(kube: Kube, store: Store) -> Told:
    """A corpus of this machine's packages as they are."""
    size = sources.upload(store, "real/", iter(sources.originals()))
    return _made(kube, store, "real", size, kill=False)


def test_ten_gigabytes_pass_through_a_pod_of_four(large: Told) -> None:
    assert large.input >= GIGABYTES * 1e9
    assert not large.memory.killed
    assert large.memory.looks > 100
    assert large.memory.held < LIMIT


def test_no_stage_was_idle(large: Told) -> None:
    dropped = {
        stage["stage"]: sum(stage["dropped"].values())
        for stage in large.manifest["counters"]["stages"]
    }
    for stage in ("quality", "parse", "exact-dedup", "near-dedup"):
        assert dropped[stage], dropped


def test_a_pod_that_was_killed_is_followed_by_one_that_uses_its_parts(large: Told) -> None:
    assert len(large.pods) == 2
    assert large.kept
    later = {one.key: one.etag for one in large.later}
    assert all(later.get(one.key) == one.etag for one in large.kept)


def test_real_packages_pass_through_a_pod(real: Told, store: Store) -> None:
    assert real.input >= REAL
    assert real.memory.held < LIMIT
    files: list[dict[str, Any]] = real.manifest["files"]
    names = {file["path"] for file in files}
    assert {"ledger.parquet", "report.html", "report.md"} <= names
    prefix = store.key(real.status["artifact"]["uri"])
    report = store.read(f"{prefix}/report.html")
    assert len(report) == next(file["bytes"] for file in files if file["path"] == "report.html")
    if folder := os.environ.get("OREMILL_SOAK_OUT"):
        Path(folder, "report.html").write_bytes(report)
