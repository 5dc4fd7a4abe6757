"""The pool of pods that run model-written code, and the walls around it.

A sandbox pod has no identity, no secret but the runner's token, no way out, and one way in: the
runner's port, from the pods of the stage that owns it. Its token is HMAC(operator's key, owner and
run): a plan stays pure, a stolen token opens one pool of one run.
"""

import hmac
from base64 import b64encode
from decimal import Decimal

from oremill import names, quantity
from oremill.life import Life
from oremill.plans import network, pods
from oremill.plans.children import Child, Manifest, labels, manifest
from oremill.settings import Resources, Settings
from oremill.specs.common import Sandbox
from oremill.stage import Stage


def pool_name(stage: Stage, life: Life) -> str:
    """Return the name that the pool's four objects share."""
    return stage.child(life.run, names.ROLE_SANDBOX)


def url(stage: Stage, life: Life) -> str:
    """Return where the step reaches its runners."""
    return f"http://{pool_name(stage, life)}:{names.PORT_SANDBOX}"


def pool(
    stage: Stage, life: Life, settings: Settings, sandbox: Sandbox, key: bytes
) -> list[Manifest]:
    """Return Secret, NetworkPolicy, Service and Deployment."""
    return [
        _secret(stage, life, key),
        _policy(stage, life),
        _service(stage, life),
        _deployment(stage, life, settings, sandbox),
    ]


def removed(name: str) -> list[Child]:
    """Return what goes with a pool; the Deployment last, since by it a pool is seen."""
    return [
        Child("v1", "Service", name),
        Child("networking.k8s.io/v1", "NetworkPolicy", name),
        Child("v1", "Secret", name),
        Child("apps/v1", "Deployment", name),
    ]


def token(key: bytes, uid: str, run: str) -> str:
    """Return the 64 digits that runner and judge share."""
    return hmac.new(key, f"{uid}/{run}".encode(), "sha256").hexdigest()


def _marks(stage: Stage, life: Life) -> dict[str, str]:
    return labels(stage, names.ROLE_SANDBOX, life.run)


def _selector(stage: Stage, life: Life) -> dict[str, str]:
    return network.selector(stage, names.ROLE_SANDBOX) | {names.LABEL_RUN: life.run}


def _secret(stage: Stage, life: Life, key: bytes) -> Manifest:
    text = token(key, stage.uid, life.run).encode()
    file = names.SANDBOX_TOKEN_FILE.rpartition("/")[2]
    return manifest(
        "v1",
        "Secret",
        stage,
        pool_name(stage, life),
        _marks(stage, life),
        type="Opaque",
        data={file: b64encode(text).decode()},
    )


def _policy(stage: Stage, life: Life) -> Manifest:
    spec = {
        "podSelector": {"matchLabels": _selector(stage, life)},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": network.selector(stage, names.ROLE_STEP)}}
                ],
                "ports": [{"port": names.PORT_SANDBOX, "protocol": "TCP"}],
            }
        ],
    }
    name = pool_name(stage, life)
    marks = _marks(stage, life)
    return manifest("networking.k8s.io/v1", "NetworkPolicy", stage, name, marks, spec=spec)


def _service(stage: Stage, life: Life) -> Manifest:
    spec = {
        "type": "ClusterIP",
        "selector": _selector(stage, life),
        "ports": [{"name": "runner", "port": names.PORT_SANDBOX, "protocol": "TCP"}],
    }
    return manifest("v1", "Service", stage, pool_name(stage, life), _marks(stage, life), spec=spec)


def _deployment(stage: Stage, life: Life, settings: Settings, sandbox: Sandbox) -> Manifest:
    box = pods.Container(
        image=settings.images.sandbox,
        command=pods.module("pipeline_steps.sandbox"),
        size=_size(settings.resources.sandbox, sandbox),
        env=pods.env(OREMILL_SANDBOX_WORKERS=str(sandbox.workers)),
        ports=(("runner", names.PORT_SANDBOX),),
        mounts=(pods.token_volume(pool_name(stage, life)),),
        probe_port=names.PORT_SANDBOX,
    )
    body = pods.template(
        stage,
        settings,
        _marks(stage, life),
        box,
        runtimeClassName=sandbox.runtime_class_name,
        terminationGracePeriodSeconds=5,
    )
    spec = {
        "replicas": sandbox.replicas,
        "selector": {"matchLabels": _selector(stage, life)},
        "template": body,
    }
    name = pool_name(stage, life)
    return manifest("apps/v1", "Deployment", stage, name, _marks(stage, life), spec=spec)


def _size(base: Resources, sandbox: Sandbox) -> Resources:
    """Return the pod's size: the runner's own memory and that of all executions side by side."""
    bytes_ = quantity.value(base.memory) + sandbox.workers * quantity.value(sandbox.memory)
    mebibytes = int((bytes_ / Decimal(2**20)).to_integral_value(rounding="ROUND_CEILING"))
    return base.model_copy(update={"memory": f"{mebibytes}Mi"})
