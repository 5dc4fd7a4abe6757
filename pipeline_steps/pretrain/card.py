"""README.md of a model's folder: what it is, what it was made from, and its numbers."""

from collections.abc import Mapping
from pathlib import Path

from pipeline_steps.run import Step


def write(folder: Path, step: Step, results: Mapping[str, float | int | str]) -> None:
    """Write a short model card with the model's lineage."""
    order = step.order
    lines = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "---",
        f"# {order.name}",
        "",
        f"Made by Oremill: {order.kind} `{order.namespace}/{order.name}`, digest `{order.digest}`.",
        "",
        "| made from | kind | digest |",
        "|---|---|---|",
        *(f"| {item.name} | {item.kind or 'objects'} | `{item.digest}` |" for item in step.inputs),
        "",
        "| result | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in results.items()),
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines))
