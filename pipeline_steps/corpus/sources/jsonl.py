"""JSON Lines of the bucket, plain or compressed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from oremill.specs.corpus import JsonLines
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.sources import streams
from pipeline_steps.corpus.sources.columns import Columns
from pipeline_steps.corpus.sources.found import Found
from pipeline_steps.corpus.sources.members import dropped
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.storage import Store

SUFFIXES = tuple(
    f".{name}{end}" for name in ("jsonl", "ndjson") for end in ("", ".gz", ".zst", ".bz2", ".xz")
)
MAX_LINE = 64 * 2**20  # bytes; a longer line is skipped without being held


def found(tables: JsonLines, store: Store) -> Iterator[Found]:
    """Yield every file of lines below the prefix, and what is none."""
    for item in store.list(tables.prefix):
        shown, known = name(item.key, tables.prefix, SUFFIXES), item.key.lower().endswith(SUFFIXES)
        yield Found(shown, item.key, item.size, item.etag, ignored=not known)


def name(key: str, prefix: str, suffixes: tuple[str, ...]) -> str:
    """Return a table's name below its source's prefix, without its suffix."""
    shown = key.removeprefix(prefix).strip("/") or key.rpartition("/")[2]
    end = max((one for one in suffixes if shown.lower().endswith(one)), key=len, default="")
    return shown[: len(shown) - len(end)] or shown


def read(
    item: Item, columns: Columns, store: Store, folder: Path, spool: Spool, limit: int
) -> None:
    """Read the lines of an object into a spool."""
    file = folder / "lines"
    store.download(item.key, file)
    add(file, item, columns, spool, limit)
    file.unlink()


def add(file: Path, item: Item, columns: Columns, spool: Spool, limit: int) -> None:
    """Put the files of every line into a spool; of a damaged file, the reason alone."""
    seen: set[str] = set()
    size = file.stat().st_size
    try:
        with streams.unpacked(file, streams.Budget(size)) as stream:
            for number, line in _lines(stream):
                _add_line(line, f"{number:09d}", item, columns, spool, limit, seen)
    except streams.TROUBLE as error:
        if not streams.is_from(error):
            raise
        spool.forget(0)
        reason = "archive-bomb" if isinstance(error, streams.Bomb) else "unreadable-file"
        spool.add(dropped("", size, reason, f"{type(error).__name__}: {error}"))
        return
    if seen and columns.content not in seen:  # in no line: the name is wrong, not the lines
        columns.check(seen, "content", item.key)


def _add_line(
    line: bytes | None,
    number: str,
    item: Item,
    columns: Columns,
    spool: Spool,
    limit: int,
    seen: set[str],
) -> None:
    row = _row(line)
    if isinstance(row, str):
        spool.add(dropped(number, len(line or b""), "bad-line", f"line {int(number)}: {row}"))
        return
    for index, file in enumerate(columns.each(row)):
        seen.update(file)
        path = f"{number}-{index}" if columns.files in row else number
        spool.add(columns.member(file, path, limit, item.role != "code"))


def _row(line: bytes | None) -> dict[str, Any] | str:
    """Return a line's object, or what is wrong with it."""
    if line is None:
        return f"longer than {MAX_LINE} bytes"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    return row if isinstance(row, dict) else f"{type(row).__name__} instead of an object"


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines that are not blank, by number from 1; None for one that is too long."""
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = stream.readline(streams.BLOCK)
            yield number, None
        elif line.strip():
            yield number, line
