"""The whole stage on every kind of source at once: the same corpus twice, and mistakes are told."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_steps import run
from pipeline_steps.evaluate.steplang import MIT
from pipeline_steps.storage import Store
from tests.corpus_sources import put
from tests.git_server import Work, serving
from tests.minio_server import MinioServer
from tests.unit.test_corpus_stage import BODY, BUCKET, archive, carried_out

LICENSED = {"licence": "MIT", "repository": "ann/mill"}
STACK_2 = {"blob_id": "one", "path": "/h.py", "repo_name": "h", "detected_licenses": ["MIT"]}


def body(name: str) -> str:
    """Return a file that is no copy of another kind's."""
    return BODY.replace("offset", name).replace("part", name)


def table(**row: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def store(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = minio.store(BUCKET)
    line = {"content": body("lines"), "path": "j.py", **LICENSED}
    objects = {
        "all/a/one.tar.gz": archive("one", {"LICENSE": MIT, "a.py": body("packed")}),
        "all/f/loose/LICENSE": MIT.encode(),
        "all/f/loose/f.py": body("loose").encode(),
        "all/t/t.jsonl": json.dumps(line).encode() + b"\n{bad\n",
        "all/t/t.parquet": table(content=body("columns"), path="p.py", **LICENSED),
        "all/h/t.parquet": table(**STACK_2),
        "all/content/one": body("blob").encode(),
        "all/d/train.parquet": table(content=body("dataset"), path="d.py", **LICENSED),
    }
    put(made, tmp_path_factory.mktemp("objects"), objects)
    return made


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("git")
    work = Work.new(folder / "work")
    work.commit({"LICENSE": MIT, "g.py": body("cloned")})
    work.publish(folder / "root" / "ann" / "git.git")
    with serving(folder / "root") as server:
        yield f"{server}/ann/git.git"


def test_every_kind_of_source_adds_its_files(
    minio: MinioServer, store: Store, address: str, tmp_path: Path
) -> None:
    sources = [
        {"archives": {"prefix": "all/a/"}},
        {"files": {"prefix": "all/f/"}},
        {"jsonl": {"prefix": "all/t/"}},
        {"parquet": {"prefix": "all/t/"}},
        {"softwareHeritage": {"prefix": "all/h/", "blobs": "all/content/"}},
        {"git": {"repositories": [{"url": address}]}},
        {"huggingface": {"prefix": "all/d/"}},
    ]
    named = [{"name": next(iter(one)).lower(), **one} for one in sources]
    spec = {"sources": named, "dedup": {"near": {"enabled": False}}}
    digests = []
    for name in ("once", "twice"):
        (tmp_path / name).mkdir()
        step, manifest = carried_out(minio, tmp_path / name, f"kinds-{name}", spec=spec)
        digests.append(sorted(file.sha256 for file in manifest.files))
    assert digests[0] == digests[1]
    fates = pq.read_table(step.scratch / "corpus" / "ledger.parquet").to_pylist()
    assert [(one["source"], one["path"]) for one in fates if one["stage"] == ""] == [
        ("archives", "a.py"),
        ("files", "f.py"),
        ("git", "g.py"),
        ("huggingface", "d.py"),
        ("jsonl", "j.py"),
        ("parquet", "p.py"),
        ("softwareheritage", "h.py"),
    ]
    assert [one["value"][:6] for one in fates if one["reason"] == "bad-line"] == ["line 2"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"jsonl": {"prefix": "all/t/", "columns": {"content": "code"}}},
            r"spec\.sources\[0\]\.jsonl\.columns\.content: there is no column 'code'",
        ),
        (
            {"git": {"repositories": [{"url": "ADDRESS", "ref": "1" * 40}]}},
            r"git\.git has no commit 1{40}",
        ),
    ],
    ids=["column", "commit"],
)
def test_a_mistake_found_while_reading_is_the_users(
    minio: MinioServer,
    store: Store,
    address: str,
    tmp_path: Path,
    source: dict[str, Any],
    message: str,
) -> None:
    given = json.loads(json.dumps({"name": "one", **source}).replace("ADDRESS", address))
    with pytest.raises(run.UserError, match=message):
        carried_out(minio, tmp_path, "mistaken", spec={"sources": [given]})
