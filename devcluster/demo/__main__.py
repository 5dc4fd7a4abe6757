"""`python -m devcluster.demo`: a cluster, the chart, real inputs, the six kinds, a report."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from devcluster import cluster, debian, images
from devcluster.demo import deploy, inputs, stages
from devcluster.demo.follow import clock, follow
from devcluster.demo.kube import Kube
from devcluster.demo.report import report
from devcluster.layout import DevClusterError, Layout
from devcluster.progress import say, step

PIPELINE = images.ROOT / "examples" / "pipeline.yaml"
NAMESPACE = "oremill-demo"


def main() -> int:
    """Run the demo; 1 when something failed, 130 after ^C."""
    parser = argparse.ArgumentParser(prog="python -m devcluster.demo", description=__doc__)
    parser.add_argument(
        "--context", default="", help="of your kubeconfig; default: the dev cluster"
    )
    parser.add_argument("--registry", default="", help="HOST/PATH to push to and pull from")
    parser.add_argument("--namespace", default=NAMESPACE, help="made when missing")
    parser.add_argument("--until", choices=("ready", "done"), default="done", help="where to stop")
    chosen = parser.parse_args()
    try:
        return demo(cluster.here(), chosen)
    except DevClusterError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("\ninterrupted; the same command goes on from here")
        return 130


def demo(layout: Layout, chosen: argparse.Namespace) -> int:
    """Do what is not done yet, from the first step to the report."""
    if chosen.context and not chosen.registry:
        raise DevClusterError(
            f"the nodes of context {chosen.context} cannot see this machine's images:"
            " REGISTRY=HOST/PATH names where to push them"
        )
    began = time.monotonic()
    kube = ready(layout, chosen.context, chosen.registry, chosen.namespace)
    if chosen.until == "ready":
        return 0
    with step("apply examples/pipeline.yaml"):
        kube.kubectl("apply", "--filename", PIPELINE)
    done = follow(lambda: stages.read(kube))
    print(f"\n{report(done, kube, layout)}\nThe demo took {clock(time.monotonic() - began)}.")
    return 0


def ready(layout: Layout, context: str, registry: str, namespace: str) -> Kube:
    """Bring up the cluster, the images, the chart and the inputs; return the namespace."""
    debian.install_missing()
    # Building the cluster's programs keeps the cores busy; images and inputs mostly wait for the
    # network and the disk.
    with ThreadPoolExecutor(max_workers=1) as beside:
        built = beside.submit(images.build, layout, images.FROM_PACKAGES, registry or None)
        files = beside.submit(inputs.ensure, layout.cache)
        if not context:
            cluster.up(layout)
        built.result()
    references = images.ensure(layout, registry=registry or None)
    kube = Kube.of(layout, context, namespace)
    deploy.install(kube, references, layout.cache / "demo" / f"{namespace}-values.json")
    deploy.upload(kube, files.result())
    return kube


if __name__ == "__main__":
    sys.exit(main())
