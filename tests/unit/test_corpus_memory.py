"""What a corpus takes of its pod's memory: shared out by a formula, and no more for more input."""

import io
import random
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.corpus import finish, screen, shards, similar, study
from pipeline_steps.corpus.context import Context
from pipeline_steps.corpus.ledger import Ledger
from pipeline_steps.corpus.memory import MIB, RAY, shares
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.parts import Parts
from pipeline_steps.errors import UserError
from pipeline_steps.storage import Store
from tests.minio_server import MinioServer

Work = Callable[[MinioServer, Path], None]
BUCKET = "corpus-memory"
SOURCES = [{"name": "s", "archives": {"prefix": "in/"}}]
GIB = 2**30
KEY = {
    "source": "s", "role": "code", "repository": "r", "bytes": 1, "tokens": 1, "sha256": "0",
    "language": "Python", "licence": "MIT", "tags": "", "stage": "", "reason": "", "value": "",
}  # fmt: skip


def spec(**fields: Any) -> DataCorpusSpec:
    return DataCorpusSpec.model_validate({"sources": SOURCES} | fields)


@pytest.mark.parametrize(
    ("memory", "cores", "fields", "ledger", "workers"),
    [
        (2 * GIB, 1, {}, 256 * MIB, 1),
        (2 * GIB, 2, {}, 256 * MIB, 2),
        (4 * GIB, 2, {}, 512 * MIB, 2),
        (4 * GIB, 16, {}, 512 * MIB, 4),
        (64 * GIB, 16, {}, 8 * GIB, 16),
        (1 * GIB, 8, {}, 128 * MIB, 1),
        (4 * GIB, 8, {"quality": {"maxFileBytes": 3_000_000}}, 512 * MIB, 2),
        (4 * GIB, 8, {"quality": {"maxFileBytes": 9_000_000}}, 512 * MIB, 1),
        (4 * GIB, 8, {"order": {"maxBytes": 200_000_000}}, 512 * MIB, 3),
    ],
)
def test_memory_decides_how_many_workers_there_are(
    memory: int, cores: int, fields: dict[str, Any], ledger: int, workers: int
) -> None:
    found = shares(memory, cores, spec(**fields))
    assert (found.ledger, found.workers) == (ledger, workers)
    assert 1 <= found.threads <= min(cores, ledger // (128 * MIB))


@pytest.mark.parametrize(
    ("memory", "fields"),
    [(512 * MIB, {}), (4 * GIB, {"quality": {"maxFileBytes": 20_000_000}})],
)
def test_a_pod_that_is_too_small_is_told_what_it_needs(memory: int, fields: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"spec\.pod\.memory: \d+Mi is too little") as told:
        shares(memory, 1, spec(**fields))
    least = int(str(told.value).partition("at least ")[2].partition("Mi")[0])
    assert shares(least * MIB, 1, spec(**fields)).workers == 1
    with pytest.raises(UserError):
        shares((least - 1) * MIB, 1, spec(**fields))


def test_a_pod_of_several_has_ray_beside_its_workers() -> None:
    alone, one = shares(2 * GIB, 2, spec()), shares(2 * GIB, 2, spec(), RAY)
    assert (alone.workers, one.workers) == (2, 1)
    assert shares(2 * GIB + RAY + 64 * MIB, 2, spec(), RAY).workers == 2


def rows(count: int) -> list[dict[str, Any]]:
    chosen = random.Random(3)
    words = ["", "naïve ", "x = 1\n", "def f():\n    return 1\n", "\N{PILE OF POO}"]
    return [
        {"row": number, "text": "".join(chosen.choices(words, k=chosen.randrange(200)))}
        for number in range(count)
    ]


def written(path: Path, found: list[dict[str, Any]]) -> bytes:
    with shards.Writer(path, screen.TEXTS) as out:
        for row in found:
            out.write(row, len(row["text"]))
    return path.read_bytes()


def test_a_part_has_the_same_bytes_whatever_waits_as_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROW_GROUP", 200_000)
    found = rows(3000)
    monkeypatch.setattr(shards, "ROWS", 10**9)
    at_once = written(tmp_path / "at-once", found)
    for most in (1, 7, 1000):
        monkeypatch.setattr(shards, "ROWS", most)
        assert written(tmp_path / f"{most}", found) == at_once


WORDS = np.array([f"w{number:06d} " for number in range(5000)], dtype="S8")
MORE = 32 * MIB  # that twice the input may take


def texts(size: int, length: int) -> Iterator[str]:
    """Yield texts of `length` bytes, `size` bytes in all."""
    chosen = np.random.default_rng(0)
    for _ in range(size // length):
        yield WORDS[chosen.integers(0, len(WORDS), length // 8)].tobytes().decode()


def context(minio: MinioServer, folder: Path) -> Context:
    store = Store.open(minio.store(BUCKET).target, minio.secret)
    fields = {"redaction": {"secrets": False, "passwords": False, "emails": False}}
    fields["redaction"] |= {"addresses": False, "names": False}
    fields |= {"order": {"by": "path", "maxBytes": 1_000_000}, "licences": {"unlicensed": "keep"}}
    return Context(spec(**fields), store, Parts(store, folder.name, folder), folder.name)


def part(folder: Path, size: int, length: int) -> None:
    """Write the texts and the keys of a partition."""
    with (
        shards.Writer(folder / "texts", screen.TEXTS) as out,
        shards.Writer(folder / "keys", screen.KEYS) as keys,
    ):
        for number, one in enumerate(texts(size, length)):
            out.write({"row": number, "text": one}, length)
            keys.write(KEY | {"row": number, "path": f"src/{number:07d}.py"}, screen.KEY_BYTES)


def an_archive(folder: Path, times: int) -> None:
    """Pack very many files, most of which have no text."""
    with tarfile.open(folder / "a.tar", "w") as out:
        for number in range(times * 30_000):
            info = tarfile.TarInfo(f"r/src/{number:07d}.bin")
            info.size = 2
            out.addfile(info, io.BytesIO(b"\0\0" if number % 8 else b"x "))


def screens(minio: MinioServer, folder: Path) -> None:
    at, key = context(minio, folder), f"{folder.name}/a.tar"
    at.store.upload(folder / "a.tar", key)
    item = Item("s", 0, "r", "code", key, 1, "e")
    screen.screen(at, {"items": [asdict(item)], "texts": "texts", "keys": "keys"})


def all_candidates(folder: Path, times: int) -> None:
    """Write a partition of few files."""
    part(folder, times * 32 * MIB, 16_000)


def cuts(minio: MinioServer, folder: Path) -> None:
    rows = pq.read_metadata(folder / "texts").num_rows
    task = {"texts": "texts", "rows": list(range(rows)), "shingles": "shingles"}
    similar.cut(context(minio, folder), task)


def a_repository(folder: Path, times: int) -> None:
    """Write a partition of many files."""
    part(folder, times * 32 * MIB, 500)


def finishes(minio: MinioServer, folder: Path) -> None:
    task = {"texts": "texts", "keys": "keys", "gone": [], "audited": [], "rates": {}}
    told = {"shard": "data/shard.parquet", "kept": "kept", "described": "described"}
    finish.finish(context(minio, folder), task | told)


def families(folder: Path, times: int) -> None:
    """Write what is known of files of which each is like three others."""
    files = times * 40_000
    family = np.repeat(np.random.default_rng(1).permutation(files // 4), 4).astype(np.uint64)
    found: dict[str, Any] = {"row": np.arange(files)}
    found |= {name: [""] * files for name in ("stage", "reason", "value")}
    found |= {study.band(band): family * np.uint64(25) + np.uint64(band) for band in range(25)}
    pq.write_table(pa.table(found), folder / "studied")
    told: dict[str, Any] = {name: [value] * files for name, value in KEY.items()}
    told |= {"row": np.arange(files), "path": [f"{number:07d}.py" for number in range(files)]}
    pq.write_table(pa.table(told, schema=screen.KEYS), folder / "keys")
    with (folder / "cut").open("wb") as out:
        np.tile(np.arange(200, dtype=np.uint64), files).tofile(out)
        np.full(files, 200, dtype=np.int64).tofile(out)


def resolves(minio: MinioServer, folder: Path) -> None:
    similar.HELD = 4 * MIB
    with Ledger(folder / "ledger", ("s",), 25, 64 * MIB, 1) as ledger:
        ledger.add_screened(0, folder / "keys")
        ledger.add_studied(0, folder / "studied")
        alike = ledger.alike()
        cut = [(documents, folder / "cut") for _, documents in alike.places().values()]
        shingles = similar.Shingles(alike.documents, cut, folder)
        copies = sum(len(copied) for copied, *_ in similar.copies(alike, shingles, 25, 0.7))
        assert copies == len(alike.documents) * 3 // 4


def peak(work: Work, *given: Any) -> int:
    """Do work in a process of its own; return the most bytes that it held."""
    process = get_context("spawn").Process(target=work, args=given)
    process.start()
    most = 0
    while process.is_alive():
        most = max(most, held(process.pid))
        time.sleep(0.01)
    assert process.exitcode == 0
    return most


def held(process: int | None) -> int:
    """Return the bytes of memory, without mapped files, that a process has now."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0  # it has just ended


@pytest.mark.parametrize(
    ("prepare", "work"),
    [
        (an_archive, screens),
        (all_candidates, cuts),
        (a_repository, finishes),
        (families, resolves),
    ],
)
def test_twice_the_input_takes_no_more_memory(
    minio: MinioServer, tmp_path: Path, prepare: Callable[[Path, int], None], work: Work
) -> None:
    found = []
    for times in (1, 2):
        folder = tmp_path / f"{prepare.__name__}-{times}"
        folder.mkdir()
        prepare(folder, times)
        found.append(peak(work, minio, folder))
    assert found[1] - found[0] < MORE, [f"{one // MIB} MiB" for one in found]
