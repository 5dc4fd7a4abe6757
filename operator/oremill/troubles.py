"""What keeps a pod from starting: the reason, the words of who refuses it, and what to do."""

import re

from oremill.seen import PodSeen, Seen

_IMAGE = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
_STARTING = {"", "ContainerCreating", "PodInitializing"}
# The user's own objects, by the volume that mounts them: kind, keys, field of the spec.
_MOUNTS = {
    "storage": ("Secret", "the keys accessKey and secretKey", "spec.storage.secretRef"),
    "authority": ("ConfigMap", "the key ca.crt", "spec.storage.caRef"),
    "ray-token": ("Secret", "the key auth_token", "spec.ray.tokenRef"),
}
# The kubelet's words; only they tell an object that is absent from one that lacks a key.
_MOUNT = re.compile(
    r'volume "(?P<volume>[^"]+)" : (?:'
    r'(?:secret|configmap) "(?P<absent>[^"]+)" not found'
    r"|references non-existent (?:secret|config) key: (?P<key>[^\s,;]+))"
)

Trouble = tuple[str, str]  # a reason of PodsReady, and its message


def trouble(pod: PodSeen, seen: Seen) -> Trouble | None:
    """Return what keeps a pod from starting, None when nothing is known to."""
    if pod.unschedulable:
        return "Unschedulable", f"pod {pod.name}: {pod.unschedulable}"
    if pod.waiting in _IMAGE:
        return "ImagePullFailed", f"pod {pod.name}: {pod.waiting}: {pod.waiting_message}"
    if pod.waiting not in _STARTING:
        return "Starting", f"pod {pod.name}: {pod.waiting}: {pod.waiting_message}"
    warning = seen.warnings.get(pod.name, "")
    if pod.phase != "Pending" or not warning:
        return None
    advice = _advice(pod, warning)
    if not advice:
        return "Starting", f"pod {pod.name}: {warning}"
    return "ImagePullFailed", f"{advice}; pod {pod.name}: {warning}"


def _advice(pod: PodSeen, warning: str) -> str:
    """Return what the user must do about a volume; empty where it is none of the user's."""
    found = _MOUNT.search(warning)
    if found is None or found["volume"] not in _MOUNTS:
        return ""
    kind, keys, field = _MOUNTS[found["volume"]]
    name = found["absent"] or pod.sources.get(found["volume"], "")
    if found["absent"]:
        return f"create {kind} {name!r} with {keys} in this namespace ({field})"
    return f"add the key {found['key']} to {kind} {name!r} ({field}), which needs {keys}"
