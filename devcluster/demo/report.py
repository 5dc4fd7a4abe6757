"""The end of the demo: what each stage made, its numbers, where it is, and how to look further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from devcluster.demo.deploy import BUCKET, MINIO
from devcluster.demo.follow import clock
from devcluster.demo.kube import Kube
from devcluster.demo.stages import Stage
from devcluster.layout import PROMETHEUS_PORT, Layout


def report(stages: Sequence[Stage], kube: Kube, layout: Layout) -> str:
    """The text."""
    parts = [*(line for stage in stages for line in _stage(stage)), ""]
    if any("humaneval/" in name for stage in stages for name in _numbers(stage)):
        parts += [
            "A model this small scores about 0 on HumanEval: that it is asked and judged there is",
            "the point. StepLang is what it can learn.",
            "",
        ]
    return "\n".join([*parts, *_further(kube, layout, stages)])


def _stage(stage: Stage) -> Iterator[str]:
    seconds = stage.seconds(datetime.now(UTC))
    took = f" in {clock(seconds)}" if seconds is not None else ""
    reused = " (reused)" if stage.status.get("reason") == "Reused" else ""
    yield f"{stage.kind} {stage.name}: {stage.phase}{reused}{took}"
    artifact = stage.status.get("artifact") or {}
    if artifact:
        yield f"    {artifact['uri']}  ({artifact.get('bytes', 0) / 1e6:.1f} MB)"
    if artifact.get("report"):
        yield f"    report: {artifact['report']}"
    numbers = _numbers(stage)
    for name, value in numbers.items():
        if not name.endswith(("/low", "/high")):
            yield f"    {name} = {value}{_interval(name, numbers)}"


def _interval(name: str, numbers: dict[str, str]) -> str:
    """The bounds of a score, which stand beside it in the results."""
    score = name.rpartition("/")[0]
    low, high = numbers.get(f"{score}/low"), numbers.get(f"{score}/high")
    return f"  (95 %: {low} to {high})" if low and high else ""


def _numbers(stage: Stage) -> dict[str, str]:
    return {item["name"]: item["value"] for item in stage.status.get("results", [])}


def _further(kube: Kube, layout: Layout, stages: Sequence[Stage]) -> Iterator[str]:
    """Commands that work as they stand."""
    yield "Look further:"
    if not kube.context:
        yield '  eval "$(python3 -m devcluster env)"   # kubectl, helm and KUBECONFIG'
    space = f"{f'--context {kube.context} ' if kube.context else ''}-n {kube.namespace}"
    yield f"  kubectl {space} get oremill"
    yield f"  kubectl {space} get evaljob demo -o yaml"
    mc = f"kubectl {space} exec statefulset/{MINIO} -- mc"
    yield f"  {mc} ls --recursive own/{BUCKET}/{kube.namespace}/"
    for uri in _uris(stages)[-1:]:
        yield f"  {mc} cat own/{uri.removeprefix('s3://')}/manifest.json"
    if not kube.context:
        yield f"  Prometheus: http://127.0.0.1:{PROMETHEUS_PORT}/graph?g0.expr=oremill_objects"
        yield f"  logs of the cluster: {layout.logs}"


def _uris(stages: Sequence[Stage]) -> list[str]:
    return [stage.status["artifact"]["uri"] for stage in stages if stage.status.get("artifact")]
