"""`oremill`: check a file of objects before it is applied; say the version.

oremill validate -f pipeline.yaml
oremill version
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from oremill import __version__, names
from oremill.specs import InvalidSpec, parse


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(prog="oremill", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("version", help="say the version")
    check = commands.add_parser(
        "validate", help="check objects of the six kinds, without a cluster"
    )
    check.add_argument("-f", "--file", type=Path, required=True, help="YAML file, - for stdin")
    chosen = parser.parse_args(arguments)
    if chosen.command == "version":
        print(__version__)
        return 0
    return _validate(chosen.file)


def _validate(path: Path) -> int:
    text = sys.stdin.read() if str(path) == "-" else path.read_text()
    found = list(problems(text))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


def problems(text: str) -> Iterator[str]:
    """Yield a sentence for each object of a YAML text that the operator would not accept.

    Objects of other groups are passed over: pipelines hold Secrets and ConfigMaps, too.
    """
    for body in yaml.safe_load_all(text):
        if body and body.get("apiVersion", "").startswith(f"{names.GROUP}/"):
            yield from _problems_of(body)


def _problems_of(body: dict[str, Any]) -> Iterator[str]:
    kind, name = body.get("kind", ""), body.get("metadata", {}).get("name", "")
    if body["apiVersion"] != names.API_VERSION:
        yield f"{kind} {name!r}: apiVersion {body['apiVersion']!r}; served is {names.API_VERSION}"
    elif kind not in names.KINDS:
        yield f"{kind!r} is not a kind of {names.GROUP}; allowed are {', '.join(names.KINDS)}"
    else:
        try:
            parse(kind, body.get("spec") or {})
        except InvalidSpec as error:
            yield f"{kind} {name!r}: {error}"


if __name__ == "__main__":
    sys.exit(main())
