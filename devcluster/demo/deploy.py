"""The chart in a restricted namespace, with MinIO beside it, and the inputs in its bucket."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devcluster.demo.kube import Kube
from devcluster.images import ROOT
from devcluster.progress import step

CHART = ROOT / "helm" / "oremill"
RELEASE = "oremill"
MINIO = f"{RELEASE}-minio"  # StatefulSet; its pod knows its own server to `mc` as `own`
BUCKET = "oremill"
# Two cores hold a step, its sandboxes, operator and MinIO: each asks for little and may use all.
SHARED = {"cpu": "300m", "cpuLimit": "2"}
WORDS = ("corpus", "tokenizer", "pretrain", "sft", "rlef", "evaluate", "sandbox")


def install(kube: Kube, images: Mapping[str, str], values_file: Path) -> None:
    """Install or upgrade the release, and wait until operator and MinIO are ready."""
    kube.apply(namespace(kube.namespace))
    values_file.parent.mkdir(parents=True, exist_ok=True)
    values_file.write_text(json.dumps(values(images), indent=1))
    with step(f"install the chart into the namespace {kube.namespace}"):
        flags: list[str | Path] = ["--values", values_file, "--wait", "--timeout", "5m"]
        # The CRDs are the cluster's, and another namespace's release may have brought them.
        kube.helm("upgrade", "--install", "--take-ownership", RELEASE, CHART, *flags)


def namespace(name: str) -> dict[str, Any]:
    """A namespace in which only restricted pods may run."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
    }


def values(images: Mapping[str, str]) -> dict[str, Any]:
    """The chart's values for the demo; `images`: name -> whole reference."""
    chosen = {}
    for name, reference in images.items():
        repository, _, tag = reference.rpartition(":")
        chosen[name] = {"repository": repository, "tag": tag}
    sizes = {word: SHARED for word in WORDS}
    return {"images": chosen, "minio": {"enabled": True}, "jobs": {"resources": sizes}}


def upload(kube: Kube, files: Mapping[str, Path]) -> int:
    """Bring what is missing or different into the bucket; return how many files that were.

    It goes through the MinIO pod, whose own `mc` has the keys: no port is opened, and no key
    leaves the cluster.
    """
    there = _etags(kube)
    new = {key: path for key, path in files.items() if there.get(key) != _md5(path)}
    if new:
        with step(f"upload {len(new)} input files"):
            script = (
                "set -e; d=$(mktemp -d); trap 'rm -rf $d' EXIT; tar -xC $d;"
                f" mc mirror --quiet --overwrite $d own/{BUCKET} >&2"
            )
            pod = ("exec", "--stdin", f"statefulset/{MINIO}", "--", "sh", "-c", script)
            kube.send(_tar(new), *pod)
    return len(new)


def _etags(kube: Kube) -> dict[str, str]:
    """Key -> ETag of the bucket's inputs: the MD5 of an object that was stored in one piece."""
    words = ("mc", "ls", "--recursive", "--json", f"own/{BUCKET}/inputs/")
    lines = kube.kubectl("exec", f"statefulset/{MINIO}", "--", *words).splitlines()
    entries = (json.loads(line) for line in lines)
    return {f"inputs/{entry['key']}": entry["etag"] for entry in entries if "etag" in entry}


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _tar(files: Mapping[str, Path]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for key, path in files.items():
            tar.add(path, key)
    return out.getvalue()
