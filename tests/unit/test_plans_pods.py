"""What every pod of every plan keeps: the restricted profile, no identity, names that fit."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from oremill import names
from oremill.life import decide
from oremill.plans import plan
from oremill.plans.pods import sized
from oremill.plans.sandboxes import token
from oremill.settings import Resources
from oremill.specs.common import Pod
from tests.stages import KEY, SETTINGS, resolved, seen, stage

_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
RUNS_CODE = ("RLEFJob", "EvalJob")


def manifests(kind: str) -> list[dict[str, Any]]:
    one = stage(kind)
    before, after = seen(one), seen(one, *resolved(one))
    plans = [plan(one, at, decide(one, at, SETTINGS), SETTINGS, KEY) for at in (before, after)]
    return [child for found in plans for child in found.apply]


def pods(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for child in manifests(kind):
        if child["kind"] in ("Job", "Deployment"):
            yield child["metadata"]["labels"][names.LABEL_ROLE], child["spec"]["template"]


@pytest.mark.parametrize("kind", names.KINDS)
def test_every_pod_is_restricted(kind: str) -> None:
    for _, template in pods(kind):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        container = spec["containers"][0]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        sizes = container["resources"]
        assert sizes["limits"].keys() == sizes["requests"].keys()
        assert sizes["limits"]["memory"] == sizes["requests"]["memory"]
        assert all(
            "sizeLimit" in volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume
        )


@pytest.mark.parametrize("kind", names.KINDS)
def test_children_belong_to_the_stage_and_their_names_fit(kind: str) -> None:
    for child in manifests(kind):
        meta = child["metadata"]
        assert meta["ownerReferences"][0]["name"] == "one"
        assert _LABEL.match(meta["name"]), meta["name"]
        assert all(len(value) <= 63 for value in meta["labels"].values())


@pytest.mark.parametrize("kind", RUNS_CODE)
def test_a_sandbox_sees_no_secret_but_its_token(kind: str) -> None:
    (template,) = (found for role, found in pods(kind) if role == names.ROLE_SANDBOX)
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert volumes == {"scratch", "sandbox-token"}


@pytest.mark.parametrize("kind", RUNS_CODE)
def test_a_sandbox_is_reached_by_its_own_step_and_reaches_nobody(kind: str) -> None:
    policies = [child for child in manifests(kind) if child["kind"] == "NetworkPolicy"]
    spec = next(item["spec"] for item in policies if "Egress" in item["spec"]["policyTypes"])
    assert spec["egress"] == []
    (rule,) = spec["ingress"]
    assert rule["ports"] == [{"port": names.PORT_SANDBOX, "protocol": "TCP"}]
    labels = rule["from"][0]["podSelector"]["matchLabels"]
    assert labels[names.LABEL_ROLE] == names.ROLE_STEP
    assert labels[names.LABEL_OWNER_UID] == stage(kind).uid


def test_a_sandbox_has_memory_for_all_its_executions() -> None:
    one = stage("EvalJob", sandbox={"workers": 4, "memory": "512Mi"})
    around = seen(one, *resolved(one))
    found = plan(one, around, decide(one, around, SETTINGS), SETTINGS, KEY)
    pool = next(child for child in found.apply if child["kind"] == "Deployment")
    limits = pool["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["memory"] == f"{256 + 4 * 512}Mi"


def test_a_token_opens_one_pool_of_one_run() -> None:
    tokens = {
        token(KEY, "a", "1"),
        token(KEY, "a", "2"),
        token(KEY, "b", "1"),
        token(b"", "a", "1"),
    }
    assert len(tokens) == 4
    assert token(KEY, "a", "1") == token(KEY, "a", "1")


def test_a_jobs_own_cpu_is_request_and_limit_whatever_the_chart_lets_it_borrow() -> None:
    default = Resources(cpu="300m", cpu_limit="2")
    own = sized(default, Pod(cpu="4"))
    assert (own.cpu, own.cpu_limit) == ("4", None)
    assert sized(default, Pod(memory="8Gi")).cpu_limit == "2"
