"""Between the passes: the texts of a partition without those whose owners opted out since.

The parts that an earlier run kept have texts that nobody may keep any more. A partition with such
texts gets a part without them; the old one, which this run does not use, is removed (Work.tidy).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline_steps.corpus.context import Context
from pipeline_steps.corpus.screen import TEXTS, screened
from pipeline_steps.corpus.shards import Writer
from pipeline_steps.corpus.study import read


def clear(context: Context, task: dict[str, Any]) -> None:
    """Make the texts of a partition.

    Args:
        context: of the stage.
        task: the partition's `items`; the part `keys` that is there, and `texts` that is made;
            `gone`, the rows that are opted out; `kept`, parts that earlier runs left, which have
            texts of the same rows.
    """

    def write(drafts: list[Path]) -> None:
        with Writer(drafts[0], TEXTS) as texts:
            for row, text in _texts(context, task, drafts[0].parent):
                texts.write({"row": row, "text": text}, len(text))

    context.parts.make((task["texts"],), write)


def _texts(context: Context, task: dict[str, Any], folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts, from a part that has them all, or else from the source."""
    keys, gone = context.parts.there(task["keys"]), set(task["gone"])
    wanted = set(_rows(keys, [("stage", "=", "")])) - gone
    for path in map(context.parts.get, task["kept"]):
        if path is not None and wanted <= set(_rows(path)):
            return read(path, gone)
    found = enumerate(screened(context, task, folder))
    return ((row, text) for row, (_, text) in found if row in wanted)


def _rows(part: Path, filters: Any = None) -> list[int]:
    found: list[int] = pq.read_table(part, columns=["row"], filters=filters)["row"].to_pylist()
    return found
