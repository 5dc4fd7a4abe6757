"""Drops that the name of a repository, or of a file in it, decides, whatever the text is.

They are asked of the ledger and not of the texts: when an owner opts out, or a benchmark comes to
the list, nothing is screened again. The ledger's table `files` has a row for each file, its table
`drops` one for each that was dropped since, and its view `fates` both at once.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import duckdb
import pyarrow as pa

from pipeline_steps.corpus.contamination import Match
from pipeline_steps.corpus.optout import OptOuts

_AT_ONCE = 2**16  # rows that are held
_REPOSITORIES = pa.schema([(name, pa.string()) for name in ("repository", "reason", "value")])
_FILES = pa.schema([("part", pa.int32()), ("row", pa.int64()), ("reason", pa.string())])


def drop_opted_out(db: duckdb.DuckDBPyConnection, opt_outs: OptOuts) -> None:
    """Drop what its owners want left out, whatever another stage has against it."""
    whole, some = [], []
    for name in _repositories(db) if opt_outs else ():
        refused = opt_outs.of(name)
        if refused.whole:
            whole.append((name, "repository", ""))
        elif refused.parts or refused.paths:
            some.append((name, "", ""))
    _drop(db, "opt-out", whole, "files")
    _drop_paths(db, some, opt_outs)


def drop_benchmarks(
    db: duckdb.DuckDBPyConnection, benchmark: Callable[[str], Match | None]
) -> None:
    """Drop what is left of the repositories that a benchmark draws its tasks from.

    Args:
        db: of the ledger.
        benchmark: returns what a repository of this name belongs to.
    """
    found = ((name, benchmark(name)) for name in _repositories(db))
    rows = [(name, match.reason, match.value) for name, match in found if match]
    _drop(db, "decontamination", rows, "fates WHERE stage = ''")


def _repositories(db: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield the name of every repository."""
    found = db.cursor().execute("SELECT DISTINCT repository FROM files")
    return (name for (name,) in each(found))


def _drop(
    db: duckdb.DuckDBPyConnection, stage: str, rows: Sequence[tuple[str, str, str]], files: str
) -> None:
    """Drop whole repositories.

    Args:
        db: of the ledger.
        stage: that drops them.
        rows: repository, reason and value of each.
        files: the table or view that they are dropped from, with its condition.
    """
    named = _table(_REPOSITORIES, rows)
    db.execute(
        f"INSERT INTO drops SELECT part, row, '{stage}', n.reason, n.value FROM"
        f" (SELECT part, row, repository FROM {files}) JOIN named n USING (repository)"
    )
    del named  # DuckDB finds the table by the variable's name


def _drop_paths(
    db: duckdb.DuckDBPyConnection, names: Sequence[tuple[str, str, str]], opt_outs: OptOuts
) -> None:
    """Drop those files of some repositories whose paths are opted out."""
    asked = _table(_REPOSITORIES, names)
    found = db.cursor().execute(
        "SELECT repository, path, part, row FROM files SEMI JOIN asked USING (repository)"
        " ORDER BY repository"
    )
    gone = (
        (part, row, reason)
        for repository, path, part, row in each(found)
        if (reason := opt_outs.reason(repository, path))
    )
    while rows := list(islice(gone, _AT_ONCE)):
        refused = _table(_FILES, rows)
        db.execute("INSERT INTO drops SELECT part, row, 'opt-out', reason, '' FROM refused")
        del refused
    del asked


def each(found: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a result, of which a few are held."""
    while rows := found.fetchmany(_AT_ONCE):
        yield from rows


def _table(schema: pa.Schema, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
