"""The whole stage on a real bucket: planted files meet their fate, twice with the same bytes."""

import json
import random
from itertools import pairwise
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline_steps import run
from pipeline_steps.corpus.__main__ import make
from pipeline_steps.corpus.contamination import humaneval
from pipeline_steps.evaluate.steplang import MIT
from pipeline_steps.storage import Store
from pipeline_steps.tokenizer.__main__ import make as make_tokenizer
from tests import corpus_runs
from tests.corpus_runs import Done, archive
from tests.minio_server import MinioServer

BODY = "".join(f"def part_{i}(value):\n    return value + offset_{i * 7}\n\n" for i in range(40))
SECRET = "gh" + "p_" + "".join(random.Random(7).choices(ascii_letters + digits, k=36))
PROBLEM = {"task_id": "own/1", "prompt": "Turn the crank of the mill until ore comes out"}

FILES = {
    "kept-1": {
        "LICENSE": MIT,
        "a.py": BODY,
        "secret.py": f"# by ann@corp.io\nTOKEN = '{SECRET}'\nEND = '<|endoftext|>'\n",
        "copy.py": BODY,
        "near.py": BODY.replace("offset_7", "changed"),
        "humaneval.py": humaneval(0).problems[3].prompt,
        "own.py": f"# {PROBLEM['prompt'].upper()}\nx = 1\n",
        "data.bin": "a\0b",
        "x.min.js": "function a(){return 1}",
    },
    "gpl-1": {"COPYING": "SPDX-License-Identifier: GPL-3.0-only\n", "g.py": "# free\n" + BODY},
    "bare-1": {"b.py": "print('nobody says what I may do')\n"},
}
FATES = {
    ("bare-1", "b.py"): ("licence", "no-licence"),
    ("gpl-1", "COPYING"): ("licence", "not-allowed"),
    ("gpl-1", "g.py"): ("licence", "not-allowed"),
    ("kept-1", "LICENSE"): ("quality", "unnamed-text"),
    ("kept-1", "copy.py"): ("exact-dedup", "copy"),
    ("kept-1", "data.bin"): ("read", "binary"),
    ("kept-1", "humaneval.py"): ("decontamination", "benchmark-text"),
    ("kept-1", "near.py"): ("near-dedup", "near-duplicate"),
    ("kept-1", "own.py"): ("decontamination", "benchmark-text"),
    ("kept-1", "x.min.js"): ("quality", "minified"),
}


BUCKET = "corpus-stage"
SPEC = {
    "sources": [{"name": "demo", "archives": {"prefix": "in/"}}],
    "decontamination": [{"benchmark": "humaneval"}, {"key": "problems.jsonl", "ngram": 0}],
}


@pytest.fixture(scope="module")
def inputs(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = minio.store(BUCKET)
    folder = tmp_path_factory.mktemp("archives")
    for name, files in FILES.items():
        (folder / name).write_bytes(archive(name, files))
        made.upload(folder / name, f"in/{name}.tar.gz")
    (folder / "broken").write_bytes(archive("z", FILES["kept-1"])[:-99])
    made.upload(folder / "broken", "in/broken-1.tgz")
    made.write("in/README.txt", "no archive")
    made.write("problems.jsonl", json.dumps(PROBLEM) + "\n")
    return made


def carried_out(minio: MinioServer, folder: Path, name: str, **changes: Any) -> Done:
    """Run the stage of an order, by default the corpus of FILES."""
    spec = changes.pop("spec", SPEC)
    at = corpus_runs.places(minio, BUCKET, folder, name, spec, **changes)
    return corpus_runs.carried_out(at, make_tokenizer if "kind" in changes else make)


def fetched(done: Done) -> Path:
    """Return a folder with the artifact, as the next stage gets it."""
    step, _ = done
    folder = step.scratch / "fetched"
    step.store.fetch(step.prefix, folder)
    return folder


@pytest.fixture(scope="module")
def corpus(minio: MinioServer, inputs: Store, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return carried_out(minio, tmp_path_factory.mktemp("first"), "first")


@pytest.fixture(scope="module")
def rows(corpus: Done) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in pq.read_table(fetched(corpus) / "data").to_pylist()}


def test_every_planted_file_meets_its_fate(corpus: Done) -> None:
    ledger = pq.read_table(fetched(corpus) / "ledger.parquet").to_pylist()
    fates = {
        (row["repository"], row["path"]): (row["stage"], row["reason"])
        for row in ledger
        if row["stage"]
    }
    assert fates == FATES | {
        ("broken-1", ""): ("read", "unreadable-archive"),
        ("README.txt", ""): ("read", "unknown-ending"),
    }
    kept = {row["path"]: row["id"] for row in ledger if not row["stage"]}
    rows = pq.read_table(fetched(corpus) / "data").to_pylist()
    assert kept == {row["path"]: row["id"] for row in rows}
    (near,) = (row for row in ledger if row["stage"] == "near-dedup")
    similarity, place = near["value"].split(" ")
    assert float(similarity) >= 0.7 and place == "demo/kept-1/a.py"


def test_what_is_left_is_described_and_redacted(rows: dict[str, dict[str, Any]]) -> None:
    assert sorted(rows) == ["a.py", "secret.py"]
    kept = rows["a.py"]
    assert (kept["source"], kept["repository"]) == ("demo", "kept-1")
    assert (kept["language"], kept["licence"]) == ("Python", "MIT")
    assert kept["content"] == BODY and kept["bytes"] == len(BODY)
    wanted = "# by <EMAIL>\nTOKEN = '<KEY>'\nEND = '< |endoftext|>'\n"
    assert rows["secret.py"]["content"] == wanted


def test_counters_follow_the_files_through_the_stages(corpus: Done) -> None:
    _, manifest = corpus
    stages = manifest.counters["stages"]
    assert stages[0]["filesIn"] == sum(map(len, FILES.values())) + 2
    assert stages[-1]["filesOut"] == manifest.results["files"] == 2
    for before, after in pairwise(stages):
        assert before["filesOut"] == after["filesIn"] and before["bytesOut"] == after["bytesIn"]
    for stage in stages:
        assert stage["filesIn"] - stage["filesOut"] == sum(stage["dropped"].values())
    assert manifest.results["dropped"] == len(FATES) + 2
    assert manifest.counters["redacted"] == {
        "addresses": 0,
        "emails": 1,
        "names": 0,
        "passwords": 0,
        "secrets": 1,
    }


def test_prometheus_is_told_why_files_are_gone(corpus: Done) -> None:
    step, manifest = corpus
    page = step.progress.page("/metrics")
    assert page is not None
    told = page[1].decode()
    assert 'oremill_files{kind="DataCorpus"} 2.0' in told
    gone = 'oremill_dropped_files{kind="DataCorpus",reason="copy",stage="exact-dedup"} 1.0'
    assert gone in told
    for name, value in (("files_in", 11), ("files_out", 8)):
        assert f'oremill_{name}{{kind="DataCorpus",stage="licence"}} {value}.0' in told
    left = float(manifest.counters["stages"][-1]["bytesOut"])
    assert f'oremill_bytes_out{{kind="DataCorpus",stage="mixture"}} {left}' in told
    assert 'oremill_redacted{kind="DataCorpus",what="emails"} 1.0' in told
    spent = float(manifest.counters["cost"]["redaction"]["bytes"])
    assert f'oremill_stage_bytes{{kind="DataCorpus",stage="redaction"}} {spent}' in told
    assert 'oremill_stage_cpu_seconds{kind="DataCorpus",stage="redaction"}' in told
    assert step.progress.now.step == step.progress.now.total


def test_the_same_input_gives_the_same_bytes(
    corpus: Done, minio: MinioServer, tmp_path: Path
) -> None:
    _, again = carried_out(minio, tmp_path, "again")
    assert again.files == corpus[1].files
    assert again.digest == corpus[1].digest


def test_parts_are_removed_once_the_artifact_is_there(corpus: Done) -> None:
    step, manifest = corpus
    left = {item.key for item in step.store.list("n/corpus/first")}
    wanted = {f"{step.prefix}/{file.path}" for file in manifest.files}
    assert left == wanted | {f"{step.prefix}/manifest.json"}


def test_a_prefix_without_archives_is_the_users_mistake(
    minio: MinioServer, inputs: Store, tmp_path: Path
) -> None:
    spec = {"sources": [{"name": "demo", "archives": {"prefix": "problems"}}]}
    with pytest.raises(run.UserError, match=r"'demo' has no archive below 'problems'"):
        carried_out(minio, tmp_path, "none", spec=spec)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"licences": {"allow": ["Zlib"]}}, r"licence not-allowed \d+"),
        ({"quality": {"maxFileBytes": 1}}, r"read too-large \d+"),
        ({"sources": [{"name": "demo", "archives": {"prefix": "in/broken"}}]}, "unreadable"),
    ],
    ids=["no licence is allowed", "no file is small enough", "no archive can be read"],
)
def test_a_corpus_of_which_nothing_is_left_says_why(
    minio: MinioServer, inputs: Store, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    spec = {"sources": [{"name": "demo", "archives": {"prefix": "in/"}}]} | changes
    with pytest.raises(run.UserError, match=words):
        carried_out(minio, tmp_path, "nothing", spec=spec)


def test_a_tokenizer_is_made_from_the_corpus(
    corpus: Done, minio: MinioServer, tmp_path: Path
) -> None:
    source, made = corpus
    given = {"name": "corpusRef", "kind": "DataCorpus", "uri": source.uri, "digest": made.digest}
    spec = {"corpusRef": {"name": "first"}, "vocabSize": 512}
    step, manifest = carried_out(
        minio, tmp_path, "first", kind="TokenizerJob", spec=spec, inputs=[given]
    )
    names = [file.path for file in manifest.files]
    assert names == ["report.json", "tokenizer.json", "tokenizer_config.json"]
    assert manifest.results["vocabulary"] <= 512
    report = json.loads((step.scratch / "tokenizer" / "report.json").read_text())
    assert report["bytesPerToken"] == manifest.results["bytesPerToken"] > 1
    assert set(report["languages"]) == {"Python"}
    assert step.progress.now.unit == "bytes"


def test_daft_reports_to_nobody() -> None:
    from daft import scarf_telemetry

    assert scarf_telemetry.opted_out()
