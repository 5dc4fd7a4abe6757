"""The rules of a spec in the whole stage: each takes what it says, and the ledger says so."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline_steps.corpus import pretokens
from pipeline_steps.evaluate.steplang import MIT
from pipeline_steps.storage import Store
from tests.minio_server import MinioServer
from tests.unit.test_corpus_stage import BUCKET, archive, carried_out, fetched

WORDS = " ".join(f"A sentence number {i} about mills and ore and water." for i in range(12))


def body(name: str, imports: str = "") -> str:
    lines = "".join(f"def {name}_{i}(x):\n    return x + {i}\n\n\n" for i in range(30))
    return f"{imports}\n\n{lines}"


REPOSITORIES = {
    "code/ann/mill": {
        "LICENSE": MIT,
        "app.py": body("app", "import lib"),
        "lib.py": body("lib"),
        "cut.py": body("cut") + "def (:\n    return return\n" * 40,
        "py2.py": "return 1\n" + body("py2"),
        "shell.py": body("shell", "import os\n\ndef run(x):\n    return eval(input())\n"),
        "private/own.py": body("own"),
    },
    "code/bob/gone": {"LICENSE": MIT, "b.py": body("bob")},
    "prose/one": {"LICENSE": MIT, "essay.md": f"# One\n\n{WORDS}\n"},
}


@pytest.fixture(scope="module")
def inputs(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = minio.store(BUCKET)
    file = tmp_path_factory.mktemp("archives") / "one"
    for name, files in REPOSITORIES.items():
        file.write_bytes(archive("top", files))
        store.upload(file, f"rules/{name}.tar.gz")
    store.write("rules/opt-out.txt", "# asked in May\nhttps://example.com/Ann/Mill:private/\n")
    return store


def spec(**changes: Any) -> dict[str, Any]:
    sources = [
        {"name": "code", "archives": {"prefix": "rules/code/"}},
        {"name": "prose", "role": "text", "archives": {"prefix": "rules/prose/"}},
    ]
    out = {"repositories": ["bob/gone"], "key": "rules/opt-out.txt"}
    return {"sources": sources, "optOut": out} | changes


def ledger(minio: MinioServer, folder: Path, name: str, **changes: Any) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    done = carried_out(minio, folder, name, spec=spec(**changes))
    rows: list[dict[str, Any]] = pq.read_table(fetched(done) / "ledger.parquet").to_pylist()
    return rows


def test_each_rule_takes_what_it_says(minio: MinioServer, inputs: Store, tmp_path: Path) -> None:
    even = {"weights": {"code": 50, "text": 50}}
    fates = {row["path"]: row for row in ledger(minio, tmp_path, "fates", mixture=even)}
    found = {path: (row["stage"], row["reason"]) for path, row in fates.items()}
    assert found["private/own.py"] == ("opt-out", "part")
    assert found["b.py"] == ("opt-out", "repository")
    assert found["cut.py"] == ("parse", "does-not-parse")
    assert found["py2.py"] == ("lint", "broken")
    assert found["shell.py"] == ("security", "insecure")
    assert [found[name][0] for name in ("app.py", "lib.py", "essay.md")] == ["", "", ""]


def test_a_file_comes_after_what_it_imports(
    minio: MinioServer, inputs: Store, tmp_path: Path
) -> None:
    orders = {}
    for by in ("imports", "path"):
        (tmp_path / by).mkdir()
        done = carried_out(minio, tmp_path / by, by, spec=spec(order={"by": by}))
        rows = pq.read_table(fetched(done) / "data").to_pylist()
        orders[by] = [row["path"] for row in rows if row["path"] in ("app.py", "lib.py")]
    assert orders == {"imports": ["lib.py", "app.py"], "path": ["app.py", "lib.py"]}


@pytest.mark.parametrize("order", [{"mode": "file"}, {"maxBytes": 1}], ids=str)
def test_no_order_loses_a_file(
    minio: MinioServer, inputs: Store, tmp_path: Path, order: dict[str, Any]
) -> None:
    done = carried_out(minio, tmp_path, "order", spec=spec(order=order))
    rows = pq.read_table(fetched(done) / "data").to_pylist()
    assert sorted(row["path"] for row in rows) == ["app.py", "lib.py"]


def test_prose_is_repeated_up_to_its_share_and_never_past_the_limit(
    minio: MinioServer, inputs: Store, tmp_path: Path
) -> None:
    weights = {"code": 50, "text": 50}
    done = carried_out(
        minio, tmp_path, "mixed", spec=spec(mixture={"weights": weights, "maxEpochs": 3})
    )
    rows = pq.read_table(fetched(done) / "data").to_pylist()
    times = Counter(row["path"] for row in rows)
    share = done[1].counters["mixture"]["text"]
    assert times["app.py"] == times["lib.py"] == 1
    assert times["essay.md"] in (int(share["rate"]), int(share["rate"]) + 1)
    assert done[1].results["bytes"] == sum(row["bytes"] for row in rows)


def test_a_role_that_is_too_large_is_thinned_out_by_repository(
    minio: MinioServer, inputs: Store, tmp_path: Path
) -> None:
    fates = ledger(minio, tmp_path, "thin", mixture={"weights": {"code": 100, "text": 0}})
    (essay,) = (row for row in fates if row["path"] == "essay.md")
    assert (essay["stage"], essay["reason"]) == ("mixture", "down-sampled")


def test_shares_are_of_tokens_where_the_spec_says_so(
    minio: MinioServer, inputs: Store, tmp_path: Path
) -> None:
    sizes: dict[str, Counter[str]] = {}
    for unit, measure in (("bytes", len), ("tokens", pretokens.count)):
        (tmp_path / unit).mkdir()
        mixture = {"weights": {"code": 50, "text": 50}, "maxEpochs": 100, "unit": unit}
        done = carried_out(minio, tmp_path / unit, unit, spec=spec(mixture=mixture))
        sizes[unit] = Counter()
        for role, text in {(row["role"], row["content"]) for row in rows_of(done)}:
            sizes[unit][role] += measure(text.encode())
        wanted = sizes[unit]["code"] / sizes[unit]["text"]
        assert done[1].counters["mixture"]["text"]["rate"] == pytest.approx(wanted, rel=0.01)
    assert sizes["bytes"] != sizes["tokens"]


def test_a_row_of_a_shard_says_its_role_and_its_insecure_patterns(
    minio: MinioServer, inputs: Store, tmp_path: Path
) -> None:
    security = {"insecure": {"high": "tag"}}
    rows = {
        row["path"]: row
        for row in rows_of(carried_out(minio, tmp_path, "tags", spec=spec(security=security)))
    }
    assert rows["essay.md"]["role"] == "text" and rows["app.py"]["role"] == "code"
    assert rows["shell.py"]["tags"] and not rows["app.py"]["tags"]


def rows_of(done: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(fetched(done) / "data").to_pylist()
    return rows
