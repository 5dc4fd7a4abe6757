"""Write every generated file: `python -m oremill.crdgen [--check]`."""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from oremill import names
from oremill.crdgen import values
from oremill.crdgen.crd import definition
from oremill.crdgen.docs import page

HEADER = "# Generated from operator/oremill/specs by `make generate`; do not edit.\n"
KEEP = "helm.sh/resource-policy"


VALUES = "helm/oremill/values.yaml"


def files(root: Path) -> dict[str, str]:
    """Return the text of every generated file by its path in the repository at `root`."""
    definitions = [definition(kind) for kind in names.KINDS]
    written = {
        "docs/reference/crds.md": page(definitions),
        "docs/reference/helm-values.md": values.page((root / VALUES).read_text()),
    }
    for item in definitions:
        plural = item["spec"]["names"]["plural"]
        written[f"crds/{plural}.{names.GROUP}.yaml"] = HEADER + _yaml(item)
        written[f"helm/oremill/templates/crds/{plural}.yaml"] = _template(item)
    return written


def _yaml(item: dict[str, Any]) -> str:
    return yaml.safe_dump(item, sort_keys=False, width=110, allow_unicode=True)


def _template(item: dict[str, Any]) -> str:
    """Return the chart's copy: a template, since Helm never upgrades a chart's crds/ folder.

    The keep policy leaves the CRD, and so everybody's objects, in place on uninstall.
    """
    kept = {**item, "metadata": {**item["metadata"], "annotations": {KEEP: "keep"}}}
    text = _yaml(kept)
    if "{{" in text:
        raise ValueError(f"{item['metadata']['name']}: '{{{{' in a description would be a template")
    return f"{HEADER}{{{{- if .Values.crds.enabled }}}}\n{text}{{{{- end }}}}\n"


def main() -> int:
    """Write the files, or with --check name those that differ."""
    parser = argparse.ArgumentParser(prog="python -m oremill.crdgen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository's folder")
    args = parser.parse_args()
    stale = {
        path: text for path, text in files(args.root).items() if _read(args.root / path) != text
    }
    if args.check and stale:
        print("not up to date, run `make generate`: " + ", ".join(sorted(stale)), file=sys.stderr)
        return 1
    for path, text in stale.items():
        (args.root / path).parent.mkdir(parents=True, exist_ok=True)
        (args.root / path).write_text(text)
        print(f"wrote {path}")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
