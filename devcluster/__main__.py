"""A real Kubernetes on this machine: `python -m devcluster up | down | status | env | load`."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from devcluster import cluster, image_store, teardown
from devcluster.layout import PROMETHEUS_PORT, DevClusterError
from devcluster.progress import say


def main(words: list[str] | None = None) -> int:
    """Run one command; 1 when it could not be done, 3 when `status` finds no working cluster."""
    parser = argparse.ArgumentParser(prog="python -m devcluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="bring the cluster up, or repair it")
    commands.add_parser("down", help="stop it and leave nothing but the cache")
    commands.add_parser("status", help="say what runs and what is missing or left over")
    commands.add_parser("env", help='print what to set: eval "$(python -m devcluster env)"')
    load = commands.add_parser("load", help="import OCI or Docker archives")
    load.add_argument("archive", nargs="+", type=Path)
    arguments = parser.parse_args(words)
    try:
        return _run(arguments)
    except DevClusterError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here")
        return 130


def _run(arguments: argparse.Namespace) -> int:
    layout = cluster.here()
    match arguments.command:
        case "up":
            cluster.up(layout)
            say(f"KUBECONFIG={layout.kubeconfig}  Prometheus: http://127.0.0.1:{PROMETHEUS_PORT}")
        case "down":
            teardown.down(layout)
        case "status":
            return _status()
        case "env":
            for name, value in cluster.env().items():
                print(f"export {name}={shlex.quote(value)}")
        case "load":
            for archive in arguments.archive:
                print("\n".join(image_store.load(layout, archive)))
    return 0


def _status() -> int:
    layout = cluster.here()
    if not (lacking := cluster.missing(layout)):
        print(f"up: {layout.kubeconfig}")
        return 0
    left = teardown.leftovers(layout)
    print("down" if not left else f"broken: lacks {', '.join(lacking)}")
    print("".join(f"  left over: {line}\n" for line in left), end="")
    return 3


if __name__ == "__main__":
    sys.exit(main())
