"""Where every file went: one row a file, in a database that spills to disk.

What looks at the corpus as a whole is a query here: which files are exact copies, which share a
band, how many a stage dropped. DuckDB holds the memory that it is given, and the result does not
depend on how much that is.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline_steps.corpus import counters, mixture, policy, withheld
from pipeline_steps.corpus.alike import Alike
from pipeline_steps.corpus.contamination import Match
from pipeline_steps.corpus.finish import EDITS
from pipeline_steps.corpus.near import Numbers
from pipeline_steps.corpus.optout import OptOuts
from pipeline_steps.corpus.parts import fingerprint
from pipeline_steps.corpus.screen import KEYS
from pipeline_steps.corpus.shards import Writer
from pipeline_steps.corpus.study import band

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("repository", pa.string()),
        ("path", pa.string()),
        ("bytes", pa.int64()),
        ("language", pa.string()),
        ("licence", pa.string()),
        ("sha256", pa.string()),
        ("stage", pa.string()),  # that dropped the file; "" for a file of the corpus
        ("reason", pa.string()),
        ("value", pa.string()),
        ("tags", pa.string()),  # insecure patterns, parted by spaces
        ("id", pa.string()),  # of a file of the corpus
        ("times", pa.int64()),  # that the mixture takes it
        ("shard", pa.string()),  # file of the artifact that has it
        *((name, pa.int64()) for name in EDITS),
    ]
)
# The keep rule: of two copies, the file that comes first stays. The hash decides between `a.zip`
# and `a.tar.gz`, which are one repository by name.
_ORDER = "priority, repository, path, sha256, part, row"
_FATES = (
    "CREATE VIEW fates AS SELECT f.* REPLACE (coalesce(d.stage, f.stage) AS stage,"
    " coalesce(d.reason, f.reason) AS reason, coalesce(d.value, f.value) AS value)"
    " FROM files f LEFT JOIN drops d USING (part, row)"
)
_PLACE = "source || '/' || repository || '/' || path"
_BATCH = 65536  # rows of a row group of the ledger
Result = TypeVar("Result")


class Ledger:
    """The files of a corpus while it is made."""

    def __init__(
        self, folder: Path, sources: Sequence[str], bands: int, memory: int, threads: int
    ) -> None:
        """Open an empty ledger.

        Args:
            folder: for the database and what it spills.
            sources: their names; the first has the highest priority, which is 0.
            bands: of a file's MinHash signature.
            memory: bytes that the database may hold.
            threads: that it may use.
        """
        self._sources, self._bands = list(sources), bands
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ledger.db").unlink(missing_ok=True)
        self._db = duckdb.connect(
            str(folder / "ledger.db"),
            config={
                "memory_limit": f"{memory >> 20}MiB",
                "threads": threads,
                "temp_directory": str(folder / "spill"),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
            },
        )
        self._db.execute("SET enable_progress_bar = false")  # it would go into the pod's log
        keys = KEYS.empty_table()
        self._db.execute("CREATE TABLE files AS SELECT 0 AS part, 0 AS priority, * FROM keys")
        del keys  # DuckDB finds the table by the variable's name
        self._db.execute(
            "CREATE TABLE drops (part INT, row BIGINT, stage TEXT, reason TEXT, value TEXT)"
        )
        columns = "".join(f", {band(number)} UBIGINT" for number in range(bands))
        self._db.execute(f"CREATE TABLE sketches (part INT, row BIGINT{columns})")
        self._db.execute(_FATES)
        self._db.execute(
            "CREATE TABLE kept (part INT, row BIGINT, id TEXT, size BIGINT, times BIGINT,"
            f" shard TEXT{''.join(f', {name} BIGINT' for name in EDITS)})"
        )

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._db.close()

    def add_screened(self, part: int, keys: Path) -> None:
        """Enter the files of a partition after the first pass."""
        self._db.execute(
            f"INSERT INTO files BY NAME SELECT {part} AS part,"
            " list_position(?, source) - 1 AS priority, * FROM read_parquet(?)",
            [self._sources, str(keys)],
        )

    def add_studied(self, part: int, studied: Path) -> None:
        """Enter what the second pass dropped, and the bands of what it let pass."""
        self._db.execute(
            f"INSERT INTO drops SELECT {part}, row, stage, reason, value FROM read_parquet(?)"
            " WHERE stage <> ''",
            [str(studied)],
        )
        if self._bands:
            self._db.execute(
                f"INSERT INTO sketches BY NAME SELECT {part} AS part, row, COLUMNS('band.*')"
                f" FROM read_parquet(?) WHERE {band(0)} IS NOT NULL",
                [str(studied)],
            )

    def add_kept(self, part: int, kept: Path, shard: str) -> None:
        """Enter what the last pass kept, and the file of the artifact that has it."""
        self._db.execute(
            f"INSERT INTO kept BY NAME SELECT {part} AS part, ? AS shard, * FROM read_parquet(?)",
            [shard, str(kept)],
        )

    def drop_opted_out(self, opt_outs: OptOuts) -> None:
        """Drop what its owners want left out, whatever another stage has against it."""
        withheld.drop_opted_out(self._db, opt_outs)

    def drop_benchmarks(self, benchmark: Callable[[str], Match | None]) -> None:
        """Drop what is left of the repositories that a benchmark draws its tasks from."""
        withheld.drop_benchmarks(self._db, benchmark)

    def drop_copies(self) -> None:
        """Drop every file whose bytes an earlier one has."""
        self._db.execute(
            "INSERT INTO drops SELECT part, row, 'exact-dedup', 'copy', '1.000 ' || first"
            f" FROM (SELECT part, row, row_number() OVER same AS number,"
            f" first_value({_PLACE}) OVER same AS first FROM fates WHERE stage = ''"
            f" WINDOW same AS (PARTITION BY sha256 ORDER BY {_ORDER})) WHERE number > 1"
        )

    def alike(self) -> Alike:
        """Return which files share a band."""
        return Alike(self._db, _ORDER, self._bands)

    def drop_near(self, copies: Numbers, of: Numbers, similarity: NDArray[np.float64]) -> None:
        """Drop near-duplicates, with the similarity to the kept document and its place."""
        found = pa.table({"copy": copies, "kept": of, "similarity": similarity})
        self._db.execute(
            "INSERT INTO drops SELECT c.part, c.row, 'near-dedup', 'near-duplicate',"
            f" printf('%.3f ', similarity) || {_PLACE} FROM found"
            " JOIN documents c ON c.document = copy JOIN documents k ON k.document = kept"
            " JOIN files ON files.part = k.part AND files.row = k.row"
        )
        del found

    def dropped(self, stage: str = "") -> dict[int, list[int]]:
        """Return the rows, by partition, that passed the first pass and were dropped since.

        Args:
            stage: that dropped them; "" for any.
        """
        found = self._db.execute(
            "SELECT part, list(row ORDER BY row) FROM drops d JOIN files f USING (part, row)"
            " WHERE f.stage = '' AND ? IN ('', d.stage) GROUP BY part",
            [stage],
        )
        return dict(found.fetchall())

    def taken(self, seed: int, rates: Mapping[str, float]) -> dict[int, tuple[list[str], str]]:
        """Return, by partition, which roles are repeated, and a fingerprint of how often."""
        roles = [role for role, rate in rates.items() if rate > 1]
        found = self._db.execute(
            "SELECT DISTINCT part, role, repository FROM fates"
            " WHERE stage = '' AND list_contains(?, role) ORDER BY ALL",
            [roles],
        )
        taken: dict[int, tuple[list[str], str]] = {}
        for part, rows in groupby(withheld.each(found), key=itemgetter(0)):
            times = [(role, name, mixture.times(seed, name, rates[role])) for _, role, name in rows]
            taken[part] = sorted({role for role, *_ in times}), fingerprint(times)
        return taken

    def left(self) -> set[int]:
        """Return the partitions of which a file is left."""
        found = self._db.execute("SELECT DISTINCT part FROM fates WHERE stage = ''")
        return {part for (part,) in found.fetchall()}

    def drop_beyond_caps(self, caps: Mapping[str, int]) -> None:
        """Drop what is left of a language beyond its bytes."""
        policy.drop_beyond_caps(self._db, caps)

    def sizes(self, unit: str) -> dict[str, int]:
        """Return how much is left, by role.

        Args:
            unit: bytes or tokens, both before redaction.
        """
        found = self._db.execute(
            f"SELECT role, sum({unit})::BIGINT FROM fates WHERE stage = '' GROUP BY 1 ORDER BY 1"
        )
        return dict(found.fetchall())

    def drop_by_mixture(self, seed: int, rates: Mapping[str, float]) -> None:
        """Drop the repositories that the mixture takes no times."""
        for role, rate in rates.items():
            if rate >= 1:
                continue
            found = self._db.execute(
                "SELECT DISTINCT repository FROM fates WHERE stage = '' AND role = ?", [role]
            ).fetchall()
            gone = [name for (name,) in found if not mixture.times(seed, name, rate)]
            self._db.execute(
                "INSERT INTO drops SELECT part, row, 'mixture', 'down-sampled', ? FROM fates"
                " WHERE stage = '' AND role = ? AND list_contains(?, repository)",
                [f"{rate:.4f}", role, gone],
            )

    def audited(self, size: int) -> dict[int, list[int]]:
        """Return the rows, by partition, of a sample of what is left: drawn by a hash of place."""
        found = self._db.execute(
            "SELECT part, row FROM fates WHERE stage = ''"
            f" ORDER BY sha256('audit/' || {_PLACE}), part, row LIMIT ?",
            [size],
        )
        rows: dict[int, list[int]] = {}
        for part, row in sorted(found.fetchall()):
            rows.setdefault(part, []).append(row)
        return rows

    def funnel(self) -> list[dict[str, Any]]:
        """Return each stage's files and bytes in and out, and its drops by reason."""
        return counters.funnel(self._db)

    def edits(self) -> dict[str, int]:
        """Return how much redaction has replaced, by kind."""
        return counters.edits(self._db)

    def results(self) -> dict[str, float | int | str]:
        """Return the numbers of status."""
        return counters.results(self._db)

    def ask(self, query: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """Return what is found by queries over the view `fates`, which is a row a file."""
        return query(self._db)

    def counters(self) -> dict[str, Any]:
        """Return the manifest's counters."""
        return counters.counters(self._db)

    def write(self, path: Path) -> None:
        """Write the ledger in (source, repository, path) order."""
        found = self._db.sql(
            "SELECT source, repository, path, bytes, language, licence, sha256, stage, reason,"
            " value, tags, coalesce(id, '') AS id, coalesce(times, 0) AS times,"
            " coalesce(shard, '') AS shard"
            f"{''.join(f', coalesce({name}, 0) AS {name}' for name in EDITS)}"
            " FROM fates LEFT JOIN kept USING (part, row)"
            " ORDER BY source, repository, path, sha256, part, row"
        )
        with Writer(path, SCHEMA) as out:
            for batch in found.to_arrow_reader(_BATCH):
                out.write_table(pa.Table.from_batches([batch]).cast(SCHEMA))
