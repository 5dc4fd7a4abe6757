"""Services and NetworkPolicies: who meets whom, and nobody else."""

from oremill import names
from oremill.plans.children import Manifest, labels, manifest
from oremill.settings import Settings
from oremill.stage import Stage

_NAMESPACE = "kubernetes.io/metadata.name"  # label that the API server puts on every namespace


def ranks_name(stage: Stage) -> str:
    """Return the name of the headless Service in which ranks find each other."""
    return stage.child("ranks")


def ranks(stage: Stage) -> Manifest:
    """Return the headless Service: `<job>-<rank>.<service>` resolves before pods are ready."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": selector(stage, names.ROLE_STEP),
        "ports": [
            _port("progress", names.PORT_PROGRESS),
            _port("rendezvous", names.PORT_RENDEZVOUS),
        ],
    }
    marks = labels(stage, names.ROLE_STEP)
    return manifest("v1", "Service", stage, ranks_name(stage), marks, spec=spec)


def step_policy(stage: Stage, settings: Settings, ingress: tuple[Manifest, ...] = ()) -> Manifest:
    """Return who may reach a step's pods: its ranks, readers of progress, and `ingress`."""
    readers = [_from_namespace(settings.operator_namespace)]
    if settings.prometheus_namespace:
        readers.append(_from_namespace(settings.prometheus_namespace))
    else:
        readers = [{"namespaceSelector": {}}]
    spec = {
        "podSelector": {"matchLabels": selector(stage, names.ROLE_STEP)},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": {"matchLabels": selector(stage, names.ROLE_STEP)}}]},
            {"from": readers, "ports": [{"port": names.PORT_PROGRESS, "protocol": "TCP"}]},
            *ingress,
        ],
    }
    marks = labels(stage, names.ROLE_STEP)
    return manifest(
        "networking.k8s.io/v1", "NetworkPolicy", stage, ranks_name(stage), marks, spec=spec
    )


def selector(stage: Stage, role: str) -> dict[str, str]:
    """Return the labels of all pods of one role of a stage."""
    return {names.LABEL_OWNER_UID: stage.uid, names.LABEL_ROLE: role}


def ray_nodes() -> Manifest:
    """Return the rule that lets the nodes of a Ray cluster speak to one that joins them."""
    ports = {"port": names.PORT_RAY, "endPort": names.PORT_RAY + names.PORTS_RAY - 1}
    return {"from": [{"namespaceSelector": {}}], "ports": [ports | {"protocol": "TCP"}]}


def _from_namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE: name}}}


def _port(name: str, port: int) -> Manifest:
    return {"name": name, "port": port, "protocol": "TCP"}
