"""What the chart's CRDs and the running operator say to specs that are wrong."""

from typing import Any

import pytest
import yaml

from oremill.names import API_VERSION
from tests.api.test_crds import MINIMAL, REFUSED
from tests.e2e.kube import Kube, condition

pytestmark = pytest.mark.cluster

# Fields that contradict each other in a way that the schema cannot say: kind, fields, words.
CONTRADICTIONS = [
    ("PretrainJob", {"model": {"hiddenSize": 130}}, "hiddenSize: 130 is not a multiple of heads 4"),
    ("PretrainJob", {"model": {"kvHeads": 3}}, "kvHeads: 3 does not divide heads 4"),
    ("PretrainJob", {"batch": {"tokens": 1000}}, "spec.batch.tokens: 1000 is not a multiple of"),
    ("PretrainJob", {"tokens": 10}, "spec.tokens: 10 is less than one batch"),
]


def _document(kind: str, name: str, fields: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name},
            "spec": MINIMAL[kind] | fields,
        }
    )


@pytest.mark.parametrize(
    ("kind", "fields", "said"), REFUSED, ids=[f"{kind}-{said}" for kind, _, said in REFUSED]
)
def test_kubectl_is_refused_with_the_fields_name(
    kube: Kube, kind: str, fields: dict[str, Any], said: str
) -> None:
    done = kube.run("apply", "-f", "-", stdin=_document(kind, "refused", fields))
    assert done.returncode != 0
    assert said in done.stderr
    assert not kube.get(kind, "refused")


@pytest.mark.parametrize(
    ("kind", "fields", "said"), CONTRADICTIONS, ids=[said for *_, said in CONTRADICTIONS]
)
def test_a_contradiction_is_not_accepted_and_says_why(
    kube: Kube, kind: str, fields: dict[str, Any], said: str
) -> None:
    kube.apply(_document(kind, "contradiction", fields))
    status = kube.wait(
        "the operator's answer",
        lambda: kube.stage(kind, "contradiction"),
        lambda seen: condition(seen, "Accepted").get("status") == "False",
        60,
    )
    kube.must("delete", kind, "contradiction")
    assert condition(status, "Accepted")["reason"] == "InvalidSpec"
    assert said in condition(status, "Accepted")["message"]
