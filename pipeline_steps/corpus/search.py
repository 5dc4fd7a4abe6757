"""Look files up in a corpus's ledger.parquet: a row group at a time, and the columns that it takes.

A file's place is source/repository/path. Whoever asks may leave the source out, or the repository
too, and may write * for any characters, slashes included, and ? for one.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ID = re.compile(r"[0-9a-f]{32}")
_PLACE = ["source", "repository", "path"]
ALIKE = 0.7  # of difflib's ratio, from which a name may have been meant
_POOL = 20  # files of a row group that may be meant by a name that nobody has
Row = dict[str, Any]


def find(ledger: pq.ParquetFile, asked: str) -> Iterator[Row]:
    """Yield the rows of the files that are meant by an id, a place, a part of one, or a pattern."""
    for number in range(ledger.num_row_groups):
        if ID.fullmatch(asked):
            found = pc.equal(ledger.read_row_group(number, ["id"])["id"], asked)
        else:
            found = _is_meant(ledger.read_row_group(number, _PLACE), asked)
        yield from _rows(ledger, number, found)


def at(ledger: pq.ParquetFile, places: Iterable[str]) -> dict[str, Row]:
    """Return the rows of files by their whole places; a place that no file has is left out.

    An archive that is there as .zip and as .tar.gz has two files of one place.
    """
    left, found = set(places), {}
    for number in range(ledger.num_row_groups):
        wanted = [place for place in left if _may_hold(ledger, number, place)]
        if wanted:
            known = ledger.read_row_group(number, _PLACE)
            is_wanted = pc.is_in(_joined(known, _PLACE), pa.array(wanted))
            rows = sorted(_rows(ledger, number, is_wanted), key=lambda row: not row["stage"])
            found.update({place_of(row): row for row in rows})  # of several, one that is kept
    return found


def nearest(ledger: pq.ParquetFile, asked: str, most: int) -> list[str]:
    """Return the places of files whose names are most like one that no file has."""
    pool: set[str] = set()
    for number in range(ledger.num_row_groups):
        rows = ledger.read_row_group(number, _PLACE)
        pool.update(_alike(rows, asked))
    ranked = sorted((-_likeness(place, asked), place) for place in pool)
    return [place for likeness, place in ranked if -likeness > ALIKE][:most]


def place_of(row: Row) -> str:
    """Return the place of a file."""
    return "/".join(row[name] for name in _PLACE)


def _is_meant(rows: pa.Table, asked: str) -> pa.ChunkedArray:
    forms = [_joined(rows, _PLACE[begin:]) for begin in range(len(_PLACE))]
    if not re.search(r"[*?]", asked):
        found = [pc.equal(form, asked) for form in forms]
    else:
        pattern = re.escape(asked).replace(r"\*", ".*").replace(r"\?", ".")
        found = [pc.match_substring_regex(form, f"(?s)^{pattern}$") for form in forms]
    return pc.or_(pc.or_(found[0], found[1]), found[2])


def _joined(rows: pa.Table, names: list[str]) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*(rows[name] for name in names), "/")


def _rows(ledger: pq.ParquetFile, number: int, found: pa.ChunkedArray) -> Iterator[Row]:
    if pc.any(found).as_py():
        yield from ledger.read_row_group(number).filter(found).to_pylist()


def _may_hold(ledger: pq.ParquetFile, number: int, place: str) -> bool:
    """Return whether a row group's bounds of source and repository leave room for a place."""
    source, _, rest = place.partition("/")
    ends = (match.start() for match in re.finditer("/", rest))
    return _is_between(ledger, number, "source", (source,)) and _is_between(
        ledger, number, "repository", (rest[:end] for end in ends)
    )


def _is_between(ledger: pq.ParquetFile, number: int, name: str, values: Iterable[str]) -> bool:
    column = ledger.metadata.row_group(number).column(ledger.schema_arrow.get_field_index(name))
    known = column.statistics
    if known is None or not known.has_min_max:
        return True
    return any(known.min <= value <= known.max for value in values)


def _likeness(place: str, asked: str) -> float:
    """Return from 0 to 1 how alike two places are, or the names at their ends."""
    name = asked.rpartition("/")[2]
    forms = ((place, asked), (place.partition("/")[2], asked), (place.rpartition("/")[2], name))
    return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in forms)


def _alike(rows: pa.Table, asked: str) -> list[str]:
    found = duckdb.execute(
        "SELECT concat_ws('/', source, repository, path) AS place FROM rows"
        " ORDER BY parse_filename(path) = parse_filename($1) DESC,"
        " jaro_winkler_similarity(parse_filename(path), parse_filename($1)) DESC, place LIMIT $2",
        [asked, _POOL],
    )
    return [place for (place,) in found.fetchall()]
