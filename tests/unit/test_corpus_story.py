"""`oremill story` tells what became of a file, from a folder and from the bucket."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from oremill import cli
from pipeline_steps.corpus import search
from tests import hostile_corpus
from tests.entry_points import installed
from tests.hostile_corpus import SCRIPT
from tests.minio_server import MinioServer
from tests.unit.test_corpus_stage import Done


@pytest.fixture(scope="module")
def corpus(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return hostile_corpus.made(minio, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def folder(corpus: Done) -> Path:
    return hostile_corpus.downloaded(corpus)


def told(
    capsys: pytest.CaptureFixture[str], artifact: Path | str, place: str, *more: str
) -> tuple[int, str, str]:
    """Return exit code, output and errors of `oremill story`."""
    capsys.readouterr()
    with installed():
        code = cli.main(["story", str(artifact), place, *more])
    out, err = capsys.readouterr()
    return code, out, err


def lines(out: str) -> dict[str, str]:
    """Return what a story says, by its left column."""
    return {line[4:22].strip(): line[22:] for line in out.splitlines()[1:]}


def test_a_kept_file_says_what_it_passed_and_what_was_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = told(capsys, folder, "page.py")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "demo/own/page.py"
    said = lines(out)
    assert list(said) == [
        "file", "from", "read", "language", "licence", "quality", "parse", "security", "lint",
        "exact-dedup", "decontamination", "near-dedup", "replaced", "in the corpus",
    ]  # fmt: skip
    assert said["from"] == 'repository own of source demo: archives {"prefix": "hostile/"}'
    assert said["replaced"] == "emails 2"
    row = next(
        row for row in pq.read_table(folder / "data").to_pylist() if row["path"] == "page.py"
    )
    assert said["in the corpus"].startswith(f"once, id {row['id']}, data/shard-00")


def test_the_shard_of_the_ledger_has_the_file(folder: Path) -> None:
    ledger = pq.read_table(folder / "ledger.parquet").to_pylist()
    for row in (one for one in ledger if not one["stage"]):
        assert row["id"] in pq.read_table(folder / row["shard"])["id"].to_pylist()
    assert all(not row["shard"] for row in ledger if row["stage"])


def test_a_dropped_file_says_the_rule_its_value_and_what_was_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = lines(told(capsys, folder, "broken.py")[1])
    assert said["parse"].startswith("DROPPED, does-not-parse: 0.")
    assert said["asked"] == "parse.maxErrorShare: 0.005"
    assert "security" not in said


def test_a_copy_of_a_near_duplicate_tells_the_whole_chain(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = told(capsys, folder, "near.py", "--json")
    (one,) = json.loads(out)
    assert (one["kept"], one["row"]["stage"]) == (False, "exact-dedup")
    chain = [(row["path"], row["stage"]) for row in one["copyOf"]]
    assert chain == [("near copy.py", "near-dedup"), (SCRIPT, "")]
    out = told(capsys, folder, "near.py")[1].splitlines()
    assert "demo/own/near copy.py, itself dropped by near-dedup: near-duplicate 0.880" in out[-2]
    assert f"demo/own/{SCRIPT}, in the corpus once, id " in out[-1]


def test_a_tagged_file_says_its_tags(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        lines(told(capsys, folder, "eval.py")[1])["security"]
        == "passed, tagged python/eval python/eval-of-input"
    )


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("a.py", ["demo/own/a.py"]),
        ("own/a.py", ["demo/own/a.py"]),
        ("demo/own/a.py", ["demo/own/a.py"]),
        ("[id].tsx", ["demo/own/[id].tsx"]),
        (SCRIPT, [f"demo/own/{SCRIPT}"]),
        ("near*", ["demo/own/near copy.py", "demo/own/near.py"]),
        ("own/n?ar.py", ["demo/own/near.py"]),
        ("*bad\nname.py", ["demo/own/bad\nname.py"]),
    ],
)
def test_a_file_is_found_by_its_place_or_a_part_of_it(
    folder: Path, capsys: pytest.CaptureFixture[str], place: str, found: list[str]
) -> None:
    code, out, _ = told(capsys, folder, place, "--json")
    assert (code, [one["place"] for one in json.loads(out)]) == (0, found)


def test_a_file_is_found_by_its_id(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = pq.read_table(folder / "data").to_pylist()[0]
    code, out, _ = told(capsys, folder, row["id"], "--json")
    assert (code, [one["row"]["path"] for one in json.loads(out)]) == (0, [row["path"]])


def test_a_terminal_gets_no_control_characters(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = told(capsys, folder, "bad*")[1]
    assert out.splitlines()[0] == "demo/own/bad\\nname.py"


def test_what_nobody_has_is_told_with_the_nearest_names(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = told(capsys, folder, "own/pages.py")
    assert (code, out) == (1, "")
    assert err.startswith("no file of the corpus is 'own/pages.py'; did you mean\n")
    assert err.splitlines()[1] == "    demo/own/page.py"
    assert told(capsys, folder, "0" * 32)[2] == f"no file of the corpus is '{'0' * 32}'\n"


def test_more_files_than_the_limit_are_said_to_be_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = told(capsys, folder, "*.py", "--limit", "2")
    assert (code, out.count("from  ")) == (0, 2)
    assert err == "there are more than 2: see --limit\n"


@pytest.mark.parametrize("limit", ["-5", "0", "many"])
def test_a_limit_that_is_no_count_is_a_mistake(
    folder: Path, capsys: pytest.CaptureFixture[str], limit: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        told(capsys, folder, "*.py", f"--limit={limit}")
    assert ended.value.code == 2
    assert f"argument --limit: '{limit}' is no number from 1 on" in capsys.readouterr().err


def test_a_folder_without_a_manifest_tells_what_the_ledger_knows(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ledger.parquet").write_bytes((folder / "ledger.parquet").read_bytes())
    code, out, err = told(capsys, tmp_path, "a.py")
    assert code == 0 and "opt-out" in lines(out)
    assert "no manifest.json says which stages were on" in err


@pytest.mark.parametrize("given", ["folder", "variables"])
def test_a_story_is_read_from_the_bucket(
    corpus: Done,
    minio: MinioServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    given: str,
) -> None:
    step, _ = corpus
    if given == "folder":
        monkeypatch.setenv("OREMILL_STORAGE_SECRET", str(minio.secret))
    else:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", (minio.secret / "accessKey").read_text())
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", (minio.secret / "secretKey").read_text())
    code, out, err = told(capsys, step.uri, "a.py", "--endpoint", minio.endpoint)
    assert (code, err) == (0, "")
    assert "DROPPED, copy: 1.000 demo/own/<script>" in lines(out)["exact-dedup"]


@pytest.mark.parametrize(
    ("artifact", "more", "says"),
    [
        ("no-such-folder", (), "ARTIFACT: 'no-such-folder' is no folder"),
        ("s3://corpus-stage", (), "is not s3://bucket/namespace/kind/name/digest"),
        ("s3://corpus-stage/x", ("--endpoint", "minio:9000"), "--endpoint: 'minio:9000' is no"),
        (
            "s3://corpus-stage/x",
            ("--secret", ""),
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        ("s3://corpus-stage/x", (), "has no ledger.parquet; give the address of a DataCorpus"),
        ("s3://no-such-bucket/x", (), " has no bucket 'no-such-bucket'"),
    ],
    ids=["folder", "address", "endpoint", "credentials", "ledger", "bucket"],
)
def test_a_mistake_is_told_by_what_was_typed(
    corpus: Done,
    minio: MinioServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    artifact: str,
    more: tuple[str, ...],
    says: str,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OREMILL_STORAGE_SECRET"):
        monkeypatch.delenv(name, raising=False)
    secret = () if "--secret" in more else ("--secret", str(minio.secret))
    known = () if "--endpoint" in more else ("--endpoint", minio.endpoint)
    given = tuple(word for word in more if more != ("--secret", ""))
    code, out, err = told(capsys, artifact, "a.py", *given, *secret, *known)
    assert (code, out) == (2, "")
    assert err.startswith("oremill story: ") and says in err


class _Counted:
    """A ledger that counts which row groups are read, and what of them."""

    def __init__(self, file: pq.ParquetFile) -> None:
        self._file = file
        self.read: list[tuple[int, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read_row_group(self, number: int, columns: Any = None) -> Any:
        self.read.append((number, columns))
        return self._file.read_row_group(number, columns)


def test_only_the_row_groups_and_columns_that_it_takes_are_read(
    folder: Path, tmp_path: Path
) -> None:
    one = pq.read_table(folder / "ledger.parquet").slice(0, 1).to_pylist()[0]
    rows = [one | {"repository": f"r{number}", "id": f"{number:032x}"} for number in range(8)]
    table = pq.read_table(folder / "ledger.parquet").schema.empty_table().from_pylist(rows)
    pq.write_table(table, tmp_path / "ledger.parquet", row_group_size=2)
    ledger = _Counted(pq.ParquetFile(tmp_path / "ledger.parquet"))
    place = search.place_of(rows[5])
    assert list(search.at(ledger, [place])) == [place]
    assert [number for number, _ in ledger.read] == [2, 2]
    ledger.read.clear()
    assert [row["repository"] for row in search.find(ledger, rows[3]["id"])] == ["r3"]
    assert ledger.read == [(0, ["id"]), (1, ["id"]), (1, None), (2, ["id"]), (3, ["id"])]


def test_of_two_files_with_one_place_the_kept_one_is_found(folder: Path, tmp_path: Path) -> None:
    kept = pq.read_table(folder / "ledger.parquet").to_pylist()[0] | {"stage": "", "reason": ""}
    copy = kept | {"stage": "exact-dedup", "reason": "copy"}
    for rows in ([kept, copy], [copy, kept]):
        table = pq.read_table(folder / "ledger.parquet").schema.empty_table().from_pylist(rows)
        pq.write_table(table, tmp_path / "ledger.parquet")
        found = search.at(pq.ParquetFile(tmp_path / "ledger.parquet"), [search.place_of(copy)])
        assert [row["stage"] for row in found.values()] == [""]


@pytest.mark.parametrize("name", ["ledger.parquet", "manifest.json"])
def test_a_damaged_file_is_told_by_the_artifact(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for one in ("ledger.parquet", "manifest.json"):
        (tmp_path / one).write_bytes((folder / one).read_bytes())
    (tmp_path / name).write_bytes(b"{half")
    code, out, err = told(capsys, tmp_path, "page.py")
    assert (code, out) == (2, "")
    assert err.startswith(f"oremill story: ARTIFACT: a file of {tmp_path} is damaged: ")
