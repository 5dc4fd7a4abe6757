"""Second pass over a partition: the costlier looks at the texts that are nobody's exact copy.

A partition becomes a part with a row for each text: why it was dropped, or the keys of its MinHash
bands, a column a band, since the search for near-duplicates takes one band at a time.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.corpus import meter
from pipeline_steps.corpus.context import Context
from pipeline_steps.corpus.shards import Writer
from pipeline_steps.corpus.shingles import shingles
from pipeline_steps.corpus.sketch import MIN_SHINGLES

BATCH = 256  # texts that are decoded at once


def schema(spec: DataCorpusSpec) -> pa.Schema:
    """Return the columns of a studied part; a text too short for bands has none in them."""
    columns = [("row", pa.int64()), ("stage", pa.string()), ("reason", pa.string())]
    bands = [(band(number), pa.uint64()) for number in range(bands_of(spec))]
    return pa.schema([*columns, ("value", pa.string()), *bands])


def bands_of(spec: DataCorpusSpec) -> int:
    """Return how many bands a text is cut into."""
    return spec.dedup.near.bands if spec.dedup.near.enabled else 0


def band(number: int) -> str:
    """Return the name of a band's column."""
    return f"band{number:03d}"


def study(context: Context, task: dict[str, Any]) -> None:
    """Make the studied part of a partition.

    Args:
        context: of the stage.
        task: names of the parts `texts` and `studied`; `gone`, the rows that were dropped since
            the first pass.
    """
    spec = context.spec

    def write(drafts: list[Path]) -> None:
        texts = context.parts.there(task["texts"])
        with Writer(drafts[0], schema(spec)) as out:
            for row, text in read(texts, set(task["gone"])):
                out.write({"row": row, **_studied(context, text)}, 8 * bands_of(spec) + 64)
                meter.lap("parts")

    context.parts.make((task["studied"],), write)


def read(texts: Path, without: set[int]) -> Iterator[tuple[int, str]]:
    """Yield number and text of the rows of a part, a few at a time."""
    return _chosen(texts, lambda row: row not in without)


def read_rows(texts: Path, rows: list[int]) -> Iterator[tuple[int, str]]:
    """Yield number and text of these rows of a part, in order."""
    return _chosen(texts, set(rows).__contains__)


def _chosen(texts: Path, is_chosen: Callable[[int], bool]) -> Iterator[tuple[int, str]]:
    with pq.ParquetFile(texts) as file:
        for group in range(file.num_row_groups):  # one at a time: it is bounded in bytes
            for batch in file.iter_batches(BATCH, row_groups=[group], use_threads=False):
                for row, value in zip(batch["row"].to_pylist(), batch["text"], strict=True):
                    if is_chosen(row):
                        text = value.as_py()
                        meter.lap("parts", len(text))
                        yield row, text


def _studied(context: Context, text: str) -> dict[str, Any]:
    spec, drop = context.spec, context.contamination.find(text)
    meter.lap("decontamination", len(text))
    if drop is not None:
        return {"stage": "decontamination", "reason": drop.reason, "value": drop.value}
    passed = {"stage": "", "reason": "", "value": ""}
    if not spec.dedup.near.enabled:
        return passed
    found = shingles(text, spec.dedup.near.shingle)
    meter.lap("shingles", len(text))
    if len(found) < MIN_SHINGLES:
        return passed
    keys = context.sketch.bands(found)
    meter.lap("sketch", len(text))
    return passed | {band(number): key for number, key in enumerate(keys.tolist())}
