"""`oremill`: check a file of objects before it is applied; say the version.

oremill validate -f pipeline.yaml
oremill version

Other packages add commands as entry points of the group `oremill.commands`: a function that gets
argparse's subparsers, and adds one with the defaults `run` (what gets the arguments and returns the
exit code) and `extra` (what has to be installed for it).
"""

import argparse
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from oremill import __version__, names
from oremill.specs import InvalidSpec, parse

COMMANDS = "oremill.commands"


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except ModuleNotFoundError as error:
        print(
            f"oremill {chosen.command}: {error.name} is not installed; it comes with the extra "
            f"{chosen.extra!r}: pip install 'oremill[{chosen.extra}]'",
            file=sys.stderr,
        )
        return 1


def _parser() -> argparse.ArgumentParser:
    about = "Check objects before they are applied, and look into what was made of them."
    parser = argparse.ArgumentParser(prog="oremill", description=about)
    commands = parser.add_subparsers(dest="command", required=True)
    version = commands.add_parser("version", help="say the version")
    version.set_defaults(run=_version, extra="")
    check = commands.add_parser(
        "validate", help="check objects of the six kinds, without a cluster"
    )
    check.add_argument("-f", "--file", type=Path, required=True, help="YAML file, - for stdin")
    check.set_defaults(run=_validate, extra="operator")
    for point in sorted(entry_points(group=COMMANDS)):
        point.load()(commands)
    return parser


def _version(chosen: argparse.Namespace) -> int:
    print(__version__)
    return 0


def _validate(chosen: argparse.Namespace) -> int:
    text = sys.stdin.read() if str(chosen.file) == "-" else chosen.file.read_text()
    found = list(problems(text))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


def problems(text: str) -> Iterator[str]:
    """Yield a sentence for each object of a YAML text that the operator would not accept.

    Objects of other groups are passed over: pipelines hold Secrets and ConfigMaps, too.
    """
    import yaml  # not in the base install

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
