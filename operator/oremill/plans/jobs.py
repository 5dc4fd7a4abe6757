"""The Jobs of a stage: one that resolves, one for each attempt, one that cleans up."""

from typing import Any

from oremill import names
from oremill.life import Life
from oremill.plans import network, pods
from oremill.plans.children import Child, Manifest, config_map, labels, manifest, obeyed, order
from oremill.seen import JobSeen, Seen
from oremill.settings import Resources, Settings
from oremill.specs.artifact import Order
from oremill.specs.common import Workers
from oremill.stage import Stage, fingerprint

_RESOLVE_TRIES = 20  # the Job controller's pauses grow to 10 minutes: about three hours
_CLEANUP_TRIES = 4
_CLEANUP_SECONDS = 300


def resolve(stage: Stage, life: Life, settings: Settings) -> list[Manifest]:
    """Return the Job that says what the artifact is called, and whether it is there."""
    name = stage.child(names.ROLE_RESOLVE, life.key)
    marks = labels(stage, names.ROLE_RESOLVE, life.key)
    what = order(stage, settings, names.ROLE_RESOLVE, life.inputs)
    body = _small(stage, settings, name, marks, what, "pipeline_steps.resolve")
    spec = {
        "backoffLimit": _RESOLVE_TRIES,
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": "main",
                        "operator": "In",
                        "values": [names.EXIT_USER],
                    },
                },
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
            ]
        },
        "podReplacementPolicy": "Failed",
        "template": body,
    }
    return [config_map(stage, name, marks, what), _job(stage, life, name, marks, spec)]


def cleanup(stage: Stage, settings: Settings) -> list[Manifest]:
    """Return the Job that removes the artifacts of a deleted stage; it gives up in minutes."""
    name = stage.child(names.ROLE_CLEANUP)
    marks = labels(stage, names.ROLE_CLEANUP)
    what = order(stage, settings, names.ROLE_CLEANUP, ())
    body = _small(stage, settings, name, marks, what, "pipeline_steps.cleanup")
    spec = {
        "backoffLimit": _CLEANUP_TRIES,
        "activeDeadlineSeconds": _CLEANUP_SECONDS,
        "template": body,
    }
    return [config_map(stage, name, marks, what), _job(stage, None, name, marks, spec)]


def step_name(stage: Stage, life: Life) -> str:
    """Return the name of the current attempt's Job."""
    return stage.child(life.run, f"a{life.attempt}")


def step(
    stage: Stage,
    life: Life,
    settings: Settings,
    image: str,
    env: tuple[Manifest, ...] = (),
    mounts: tuple[tuple[Manifest, str], ...] = (),
    sandbox_url: str = "",
    led: bool = False,
    ingress: tuple[Manifest, ...] = (),
) -> list[Manifest]:
    """Return the current attempt: order, network and Job.

    `led` ends the other pods when that of index 0 has succeeded; `ingress` lets others reach them.
    """
    name = step_name(stage, life)
    marks = labels(stage, names.ROLE_STEP, life.run, life.attempt)
    what = order(
        stage, settings, names.ROLE_STEP, life.inputs, life.digest, life.attempt, sandbox_url
    )
    workers: Workers = getattr(stage.spec, "workers", Workers())
    size = pods.sized(settings.resources.of(stage.word), stage.spec.pod)
    box = pods.Container(
        image=stage.spec.pod.image or image,
        command=pods.module(f"pipeline_steps.{stage.word}"),
        size=size,
        env=(*_rank_env(stage, name, workers, size), *env, *_own_env(stage)),
        ports=(("progress", names.PORT_PROGRESS),),
        mounts=(pods.order_volume(name), *pods.storage_volumes(stage, settings), *mounts),
        resources=_devices(stage, workers),
    )
    body = pods.template(stage, settings, marks, box, **_placement(stage, workers))
    body["metadata"]["annotations"] |= _pod_notes(what)
    spec = {
        "completionMode": "Indexed",
        "completions": workers.replicas,
        "parallelism": workers.replicas,
        # A gang is restarted whole, as a new Job; the operator counts, by cause.
        # By default a pod that is being deleted counts as failed at once, which is what we want.
        "backoffLimit": 0,
        "template": body,
    }
    if led:  # GA in Kubernetes 1.33; an older server leaves it out, and the pods end by themselves
        spec["successPolicy"] = {"rules": [{"succeededIndexes": "0"}]}
    if stage.spec.active_deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = stage.spec.active_deadline_seconds
    return [
        config_map(stage, name, marks, what),
        network.ranks(stage),
        network.step_policy(stage, settings, ingress),
        _job(stage, life, name, marks, spec),
    ]


def settled(stage: Stage, seen: Seen, wanted: Manifest) -> tuple[list[Manifest], list[Child]]:
    """Return what to apply and what to delete for one wanted Job.

    A Job's template cannot be changed. Where the user changed the spec, an active Job with another
    template is deleted, and made again once its pods are gone. Where only the operator's settings
    changed (an upgrade), it runs on: an upgrade costs no training.
    """
    live = seen.job(wanted["metadata"]["name"])
    if live is None:
        return [wanted], []
    if not live.active:
        return [], []
    if live.applied == wanted["metadata"]["annotations"][names.ANNOTATION_APPLIED]:
        return [wanted], []
    return [], [] if live.episode == stage.episode else [child(live)]


def child(job: JobSeen) -> Child:
    """Return the name by which a Job is deleted."""
    return Child("batch/v1", "Job", job.name)


def _job(
    stage: Stage, life: Life | None, name: str, marks: dict[str, str], spec: Manifest
) -> Manifest:
    found = manifest("batch/v1", "Job", stage, name, marks, spec=spec)
    notes = found["metadata"]["annotations"]
    # Only what the API server would not let us change; the rest is repaired in place.
    notes[names.ANNOTATION_APPLIED] = fingerprint([spec["template"], spec.get("completions")])
    notes[names.ANNOTATION_EPISODE] = stage.episode
    if life is not None:
        notes[names.ANNOTATION_KEY] = life.key
        if life.digest:
            notes[names.ANNOTATION_DIGEST] = life.digest
    if stage.spec.queue_name and marks[names.LABEL_ROLE] == names.ROLE_STEP:
        found["metadata"]["labels"][names.LABEL_QUEUE] = stage.spec.queue_name
    else:
        spec["suspend"] = False  # with a queue it belongs to Kueue
    return found


def _small(
    stage: Stage, settings: Settings, name: str, marks: dict[str, str], what: Order, module: str
) -> Manifest:
    """Return the template of a pod that only talks to the bucket."""
    box = pods.Container(
        image=settings.images.data,
        command=pods.module(module),
        size=settings.resources.of(names.ROLE_RESOLVE),
        mounts=(pods.order_volume(name), *pods.storage_volumes(stage, settings)),
    )
    found = pods.template(
        stage, settings, marks, box, restartPolicy="Never", terminationGracePeriodSeconds=10
    )
    found["metadata"]["annotations"][names.ANNOTATION_ORDER] = obeyed(what)
    return found


def _rank_env(stage: Stage, name: str, workers: Workers, size: Resources) -> tuple[Manifest, ...]:
    """Return what torchrun reads: it takes PET_<OPTION> for each of its options."""
    threads = max(1, pods.cores(size) // max(1, workers.gpus))
    index = "metadata.labels['batch.kubernetes.io/job-completion-index']"
    return (
        pods.from_pod("PET_NODE_RANK", index),
        *pods.env(
            PET_NNODES=str(workers.replicas),
            PET_NPROC_PER_NODE=str(max(1, workers.gpus)),
            PET_MASTER_ADDR=_first_rank(stage, name, workers),
            PET_MASTER_PORT=str(names.PORT_RENDEZVOUS),
            OMP_NUM_THREADS=str(threads),
        ),
    )


def _first_rank(stage: Stage, name: str, workers: Workers) -> str:
    """Return where the ranks meet; a lone pod needs no name, and must not listen on any."""
    return "127.0.0.1" if workers.replicas == 1 else f"{name}-0.{network.ranks_name(stage)}"


def _own_env(stage: Stage) -> tuple[Manifest, ...]:
    return tuple({"name": item.name, "value": item.value} for item in stage.spec.pod.env)


def _devices(stage: Stage, workers: Workers) -> dict[str, str]:
    found = dict(stage.spec.pod.extended_resources)
    return found | {"nvidia.com/gpu": str(workers.gpus)} if workers.gpus else found


def _pod_notes(what: Order) -> dict[str, str]:
    return {
        names.ANNOTATION_ORDER: obeyed(what),
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(names.PORT_PROGRESS),
        "prometheus.io/path": "/metrics",
    }


def _placement(stage: Stage, workers: Workers) -> dict[str, Any]:
    """Return where the pods may run, and how they end."""
    own = stage.spec.pod
    return {
        "restartPolicy": "Never",
        "subdomain": network.ranks_name(stage),
        "terminationGracePeriodSeconds": own.termination_grace_period_seconds,
        "nodeSelector": own.node_selector or None,
        "tolerations": [item.model_dump(exclude_defaults=True) for item in own.tolerations] or None,
        "priorityClassName": own.priority_class_name,
        "runtimeClassName": own.runtime_class_name,
        "topologySpreadConstraints": _spread(stage) if workers.replicas > 1 else None,
    }


def _spread(stage: Stage) -> list[Manifest]:
    marks = {names.LABEL_OWNER_UID: stage.uid, names.LABEL_ROLE: names.ROLE_STEP}
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": marks},
        }
    ]
