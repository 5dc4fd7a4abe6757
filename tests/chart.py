"""The chart as the real helm renders it, a set of values a case."""

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import tools
from devcluster.layout import default_cache

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm/oremill"
NAMESPACE = "mill"
CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "minio": {"minio": {"enabled": True}},
    "minio-local": {"minio": {"enabled": True, "persistence": {"localPath": "/srv/minio"}}},
    "minio-class": {"minio": {"enabled": True, "persistence": {"storageClass": "fast"}}},
    "minio-claim": {"minio": {"enabled": True, "persistence": {"existingClaim": "mine"}}},
    "two-namespaces": {"watch": {"namespaces": ["one", "two"]}, "minio": {"enabled": True}},
    "cluster": {"rbac": {"scope": "cluster", "aggregate": True}},
    "standby": {"operator": {"replicas": 2, "priorityClassName": "high"}},
    "registry": {
        "image": {"registry": "registry.example/team", "tag": "v2", "pullSecrets": ["pull"]},
        "images": {"train": {"repository": "mine", "tag": "v3"}},
    },
    "own-images": {"image": {"registry": "registry.example/team"}},
    "monitoring": {
        "metrics": {
            "prometheusNamespace": "monitoring",
            "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True},
        }
    },
    "bare": {
        "crds": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "metrics": {"dashboard": {"enabled": False}},
    },
    "sized": {"jobs": {"resources": {"pretrain": {"cpu": "2", "scratch": "20Gi"}}}},
}
Objects = dict[tuple[str, str, str], dict[str, Any]]  # by kind, namespace and name
every_case = pytest.mark.parametrize("case", CASES)


def helm(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(tools.ensure(default_cache()) / "helm"), *words]
    return subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)


def template(values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    words = (f"--namespace={NAMESPACE}", "--values=-")
    return helm("template", "oremill", str(CHART), *words, stdin=yaml.safe_dump(values))


@cache
def rendered(case: str) -> Objects:
    done = template(CASES[case])
    assert done.returncode == 0, done.stderr
    found = [item for item in yaml.safe_load_all(done.stdout) if item]
    objects = {
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item
        for item in found
    }
    assert len(objects) == len(found), "two objects of one name"
    return objects


def kinds(case: str, kind: str) -> list[dict[str, Any]]:
    return [item for (found, *_), item in rendered(case).items() if found == kind]


def pods(case: str) -> Iterator[dict[str, Any]]:
    for item in (*kinds(case, "Deployment"), *kinds(case, "StatefulSet")):
        yield item["spec"]["template"]["spec"]
