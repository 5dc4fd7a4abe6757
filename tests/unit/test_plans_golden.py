"""Whole plans, as YAML: what a review sees when a child of any kind changes.

`GOLDEN=write pytest tests/unit/test_plans_golden.py` writes the files anew.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from oremill import names
from oremill.life import Life, Phase, decide
from oremill.plans import Plan, plan
from tests.stages import DIGEST, KEY, SETTINGS, resolved, seen, stage

FOLDER = Path(__file__).parent / "golden"
GPUS: dict[str, Any] = {
    "workers": {"replicas": 2, "gpus": 8},
    "batch": {"tokens": 8192},
    "queueName": "team",
    "activeDeadlineSeconds": 3600,
    "pod": {
        "memory": "64Gi",
        "shm": "16Gi",
        "extendedResources": {"rdma/hca": "1"},
        "nodeSelector": {"gpu": "h200"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "env": [{"name": "NCCL_IB_HCA", "value": "mlx5"}],
    },
    "storage": {"secretRef": {"name": "mine"}, "caRef": {"name": "mine"}},
}
RAY = {"address": "ray-head.team.svc:6379", "tokenRef": {"name": "ray"}}
CASES = {
    **{names.WORDS[kind]: (kind, {}) for kind in names.KINDS},
    "pretrain-gpus": ("PretrainJob", GPUS),
    "corpus-pods": ("DataCorpus", {"workers": {"replicas": 2}}),
    "corpus-ray": ("DataCorpus", {"ray": RAY}),
}


class Dumper(yaml.SafeDumper):
    """Plain YAML: nothing by reference, texts of many lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _text)


def check(name: str, found: Plan) -> None:
    text = yaml.dump_all(found.apply, Dumper=Dumper, sort_keys=False, width=100)
    path = FOLDER / f"{name}.yaml"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("case", CASES)
def test_a_run_has_these_children(case: str) -> None:
    kind, spec = CASES[case]
    one = stage(kind, **spec)
    around = seen(one, *resolved(one))
    life = decide(one, around, SETTINGS)
    assert (life.phase, life.digest) == (Phase.RUNNING, DIGEST)
    check(case, plan(one, around, life, SETTINGS, KEY))


def test_resolving_has_these_children() -> None:
    one = stage("PretrainJob")
    around = seen(one)
    life = decide(one, around, SETTINGS)
    assert life.phase is Phase.RESOLVING
    check("resolve", plan(one, around, life, SETTINGS, KEY))


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.SUSPENDED, Phase.COMPLETE, Phase.FAILED])
def test_a_stage_that_does_not_run_has_no_children(phase: Phase) -> None:
    one = stage()
    assert plan(one, seen(one), Life(phase), SETTINGS, KEY) == Plan()


def test_an_artifact_that_is_there_starts_nothing() -> None:
    one = stage()
    life = decide(one, seen(one, *resolved(one, "found")), SETTINGS)
    assert (life.phase, life.reason) == (Phase.COMPLETE, "Reused")
    assert plan(one, seen(one, *resolved(one, "found")), life, SETTINGS, KEY) == Plan()
