"""Which files may be near-duplicates, a batch at a time: queries on the ledger.

Files that share a band's key are joined into clusters. Files of two clusters are never compared, so
a batch is as many whole clusters as fit into memory; of all other files, a few numbers are held.
"""

from collections.abc import Iterator
from typing import cast

import duckdb
import numpy as np
import pyarrow as pa

from pipeline_steps.corpus import near
from pipeline_steps.corpus.near import Groups, Numbers
from pipeline_steps.corpus.study import band

_BATCH = 2**20  # rows that are fetched at once


class Alike:
    """The files that share a band's key with another, numbered in the keep rule's order."""

    def __init__(self, db: duckdb.DuckDBPyConnection, order: str, bands: int) -> None:
        """Find them.

        Args:
            db: with the tables `files` and `sketches`.
            order: columns of the keep rule.
            bands: of a file's signature.
        """
        self._db = db
        db.execute(
            "CREATE OR REPLACE TABLE documents AS SELECT part, row,"
            f" (row_number() OVER (ORDER BY {order}) - 1)::INT AS document"
            " FROM files SEMI JOIN sketches USING (part, row)"
        )
        db.execute("CREATE OR REPLACE TABLE shared (document INT, key UBIGINT, first INT)")
        for key in map(band, range(bands)):
            db.execute(
                f"INSERT INTO shared SELECT document, {key}, min(document) OVER same"
                " FROM sketches JOIN documents USING (part, row)"
                f" WINDOW same AS (PARTITION BY {key}) QUALIFY count(*) OVER same > 1"
            )
        self._cluster = near.Clusters(self._count())
        for documents, firsts in self._pairs():
            self._cluster.join(documents, firsts)
        self.documents = self._cluster.members()

    def _count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM documents").fetchall()[0][0])

    def _pairs(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield files, and of each a file that it shares a key with."""
        found = self._db.sql("SELECT document, first FROM shared WHERE document <> first")
        for batch in found.to_arrow_reader(_BATCH):
            yield batch["document"].to_numpy(), batch["first"].to_numpy()

    def places(self) -> dict[int, tuple[Numbers, Numbers]]:
        """Return, for each partition, rows and numbers of these files, by row."""
        wanted = pa.table({"document": self.documents})
        found = self._db.execute(
            "SELECT part, row, document FROM documents SEMI JOIN wanted USING (document)"
            " ORDER BY part, row"
        ).fetchnumpy()
        del wanted  # DuckDB finds the table by the variable's name
        parts, begins = np.unique(found["part"], return_index=True)
        ends = np.searchsorted(found["part"], parts, side="right")
        return {
            int(part): (found["row"][begin:end], found["document"][begin:end])
            for part, begin, end in zip(parts, begins, ends, strict=True)
        }

    def batches(self, sizes: Numbers, most: int) -> Iterator[tuple[Numbers, Groups]]:
        """Yield files and their groups, by place among the files.

        Args:
            sizes: bytes that each of `documents` needs when it is compared.
            most: bytes of a batch, unless one cluster is larger.
        """
        number = near.batches(self._cluster.of(self.documents), sizes, most)
        batched = pa.table({"document": self.documents, "batch": number})
        self._db.execute(
            "CREATE OR REPLACE TABLE batched AS SELECT batch, document, key"
            " FROM shared JOIN batched USING (document) ORDER BY batch, document, key"
        )
        del batched
        for one in np.unique(number):
            found = self._db.execute(
                "SELECT document, (dense_rank() OVER (ORDER BY key) - 1)::INT AS number"
                " FROM batched WHERE batch = ? ORDER BY document, number",
                [int(one)],
            ).fetchnumpy()
            files = cast(Numbers, self.documents[number == one])
            yield files, Groups(np.searchsorted(files, found["document"]), found["number"])
