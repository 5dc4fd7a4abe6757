"""From a kind to its CustomResourceDefinition."""

from typing import Any

from oremill import names
from oremill.crdgen.schema import Schema, structural
from oremill.specs import SPECS
from oremill.specs.status import JobStatus

# What `kubectl get oremill` shows, in this order; the message with `--output wide` alone.
COLUMNS = (
    ("Phase", "string", ".status.phase"),
    ("Progress", "string", ".status.progress.text"),
    ("Headline", "string", ".status.headline"),
    ("Reason", "string", ".status.reason"),
    ("Age", "date", ".metadata.creationTimestamp"),
)
WIDE_COLUMNS = (("Message", "string", ".status.message"),)


def definition(kind: str) -> dict[str, Any]:
    """Return the CRD of `kind`."""
    plural = names.PLURALS[kind]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{names.GROUP}",
            "labels": {names.LABEL_PART_OF: names.CATEGORY},
        },
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                # The kind's word, and no two-letter name: "ev" is Event, "dc" OpenShift's.
                "shortNames": [names.WORDS[kind]],
                "categories": [names.CATEGORY],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: str) -> dict[str, Any]:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            *(_column(*column) for column in COLUMNS),
            *(_column(*column) | {"priority": 1} for column in WIDE_COLUMNS),
        ],
        "schema": {"openAPIV3Schema": _object(kind)},
    }


def _column(name: str, kind_of: str, path: str) -> dict[str, Any]:
    return {"name": name, "type": kind_of, "jsonPath": path}


def _object(kind: str) -> Schema:
    spec = structural(SPECS[kind])
    return {
        "type": "object",
        "description": spec["description"],
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {names.API_VERSION}."},
            "kind": {"type": "string", "description": f"Always {kind}."},
            "metadata": {"type": "object"},
            "spec": {**spec, "description": "What is wanted."},
            "status": structural(JobStatus, defaults=False),
        },
    }
