"""Through the door: what the passes get, what the digest holds, and who is told what is wrong."""

import gzip
import io
import json
import random
import zlib
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_steps.corpus import partitions
from pipeline_steps.corpus.context import Context
from pipeline_steps.corpus.parts import Parts
from pipeline_steps.corpus.screen import rows
from pipeline_steps.corpus.sources import door, revisions
from pipeline_steps.errors import UserError
from pipeline_steps.evaluate.steplang import MIT
from pipeline_steps.inputs import bucket_inputs
from pipeline_steps.storage import Store
from tests.corpus_sources import corpus, listed, put, read
from tests.minio_server import MinioServer

BODY = "".join(f"def part_{i}(value):\n    return value + {i}\n\n" for i in range(20))
TABLE = [
    {"repository": "mit", "path": "LICENSE", "content": MIT},
    {"repository": "mit", "path": "a.py", "content": BODY},
    {"repository": "own", "path": "b.py", "content": BODY, "licence": "GPL-3.0-only"},
    {"repository": "own", "path": "c", "content": BODY, "licence": "MIT", "language": "python"},
    {"repository": "own", "path": "d.py", "content": f"# SPDX-License-Identifier: MIT\n{BODY}"},
    {"repository": "own", "path": "e.py", "content": BODY},
]


@pytest.fixture(scope="module")
def store(minio: MinioServer) -> Store:
    return minio.store("corpus-door")


def lines(*given: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in given)


def table(*given: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(given)), out)
    return out.getvalue()


def test_a_columns_word_counts_where_no_text_says_otherwise(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, {"t/t.jsonl": lines(*reversed(TABLE))})
    spec = corpus({"jsonl": {"prefix": "t/"}}, 10_000)
    (item,) = listed(store, spec, tmp_path)
    with door.read(item, spec, store, tmp_path) as spool:
        context = Context(spec, store, Parts(store, "work", tmp_path), "artifact")
        found = [row for row, _ in rows(context, item, spool)]
    told = [(row["path"], row["language"], row["licence"], row["reason"]) for row in found]
    assert told == [
        ("LICENSE", "Text", "MIT", "unnamed-text"),
        ("a.py", "Python", "MIT", ""),
        ("b.py", "Python", "GPL-3.0-only", "not-allowed"),
        ("c", "Python", "MIT", ""),
        ("d.py", "Python", "MIT", ""),
        ("e.py", "Python", "", "no-licence"),
    ]


def test_items_are_what_a_partition_is_made_of(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, {f"many/{i}/a.py": b"x = 1" for i in range(20)})
    items = listed(store, corpus({"files": {"prefix": "many/"}}), tmp_path)
    planned = [item for partition in partitions.plan(items) for item in partition.items]
    assert sorted(item.repository for item in planned) == sorted(str(i) for i in range(20))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"archives": {"prefix": "in/"}}, "archives.prefix"),
        ({"files": {"prefix": "in/"}}, "files.prefix"),
        ({"jsonl": {"prefix": "in/"}}, "jsonl.prefix"),
        ({"parquet": {"prefix": "in/"}}, "parquet.prefix"),
        ({"softwareHeritage": {"prefix": "in/"}}, "softwareHeritage.prefix"),
        ({"huggingface": {"prefix": "in"}}, "huggingface.prefix"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_digest_holds_what_a_source_reads(
    store: Store, tmp_path: Path, source: dict[str, Any], name: str
) -> None:
    put(store, tmp_path, {"in/a": b"1", "in/b": b"2"})
    (before,) = bucket_inputs(store, corpus(source))
    assert before.name == f"sources[0].{name}"
    put(store, tmp_path, {"in/b": b"3"})
    (after,) = bucket_inputs(store, corpus(source))
    assert before.digest != after.digest


def test_a_hub_that_does_not_answer_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:1")
    revisions._sha.cache_clear()
    spec = corpus({"huggingface": {"dataset": "ann/mill", "revision": "v1"}})
    with pytest.raises(
        UserError, match=r"sources\[0\]\.huggingface\.dataset: .*'ann/mill' at 'v1'"
    ):
        bucket_inputs(store, spec)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_no_damage_makes_a_table_crash(store: Store, tmp_path: Path, kind: str) -> None:
    given = [{"path": f"{i}.py", "content": BODY[: i * 9]} for i in range(40)]
    whole = gzip.compress(lines(*given), mtime=0) if kind == "jsonl" else table(*given)
    chosen = random.Random(zlib.crc32(kind.encode()))
    for number in range(60):
        damaged = bytearray(whole)
        for _ in range(chosen.randrange(1, 6)):
            damaged[chosen.randrange(len(whole))] = chosen.randrange(256)
        end = "jsonl.gz" if kind == "jsonl" else "parquet"
        put(store, tmp_path, {f"fuzz/{kind}/{number}/t.{end}": bytes(damaged)})
        try:
            found = read(store, {kind: {"prefix": f"fuzz/{kind}/{number}/"}}, tmp_path, 10_000)
        except UserError as error:  # a damaged name of a column cannot be told from another name
            assert "there is no column 'content'" in str(error)
            continue
        assert all(bool(one.text) != bool(one.reason) for one in found.values())
