"""Rows of tables and loose objects become files, in order, each bad one with a reason."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_steps.corpus.sources import huggingface, jsonl, parquet
from pipeline_steps.corpus.sources.columns import Columns
from pipeline_steps.errors import UserError
from pipeline_steps.storage import Store
from tests.corpus_sources import corpus, fates, listed, put, read
from tests.minio_server import MinioServer

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    ".gz": gzip.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
PLAIN = [
    {"repository": "b", "path": "z.py", "content": "z = 1", "language": "python", "licence": "MIT"},
    {"repository": "a", "path": "y.py", "content": "y = 1", "licence": ["MIT", "Apache-2.0"]},
    {"path": "x.py", "content": "x = 1"},
]
STACK = {
    "content": "a = 1",
    "max_stars_repo_path": "src/a.py",
    "max_stars_repo_name": "ann/mill",
    "max_stars_repo_licenses": ["MIT"],
    "max_stars_repo_head_hexsha": "c0ffee",
    "lang": "Python",
}
STACK_2 = {
    "content": "a = 1",
    "path": "/src/a.py",
    "repo_name": "ann/mill",
    "detected_licenses": ["MIT"],
    "revision_id": "c0ffee",
    "language": "Python",
    "src_encoding": "UTF-8",
}
STACK_3 = {
    "repo_path": "ann/mill",
    "commit_id": "c0ffee",
    "stars": 7,
    "files": [
        {
            "content": "a = 1",
            "file_path": "src/a.py",
            "language": "Python",
            "detected_licenses": ["MIT"],
        },
        {
            "content": "class A {}",
            "file_path": "A.java",
            "language": "Java",
            "detected_licenses": [],
        },
    ],
}
PUBLISHED = {"the-stack": STACK, "the-stack-v2": STACK_2, "the-stack-v3": STACK_3}


@pytest.fixture(scope="module")
def store(minio: MinioServer) -> Store:
    return minio.store("corpus-tables")


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def table(*rows: Any, group: int = 1024) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), out, row_group_size=group)
    return out.getvalue()


@pytest.mark.parametrize("end", PACK)
def test_lines_are_files_in_order(store: Store, tmp_path: Path, end: str) -> None:
    key = f"lines{end}/part-0.jsonl{end}"
    put(store, tmp_path, {key: PACK[end](lines(*PLAIN)), f"lines{end}/README.md": b"no table"})
    found = read(store, {"jsonl": {"prefix": f"lines{end}/"}}, tmp_path)
    assert fates(found) == {
        ("a", "y.py"): "y = 1",
        ("b", "z.py"): "z = 1",
        ("part-0", "x.py"): "x = 1",
        ("README.md", ""): "unknown-ending",
    }
    assert (found["b", "z.py"].language, found["b", "z.py"].licence) == ("Python", "MIT")
    assert found["a", "y.py"].licence == "Apache-2.0 AND MIT"


def test_a_bad_line_has_a_reason_with_its_number(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE", 3000)
    bad = [
        b'{"content": "good", "path": "a.py"}',
        b"",
        b'{"content": ',
        b"[1, 2]",
        b'{"content": "\xff"}',
        b"[" * 2900,
        b'{"content": "' + b"x" * 9000 + b'"}',
        b'{"text": "no content", "path": "b.py"}',
        b'{"content": "\\ud800", "path": "c.py"}',
        b'{"content": "nul\\u0000", "path": "d.py"}',
        b'{"content": "' + b"x" * 2000 + b'", "path": "e.py"}',
        b'{"content": "x", "path": "../f.py"}',
        b'{"content": "last, without a line feed", "path": "g.py"}',
    ]
    put(store, tmp_path, {"bad/t.jsonl": b"\n".join(bad)})
    found = read(store, {"jsonl": {"prefix": "bad/"}}, tmp_path)
    assert fates(found) == {
        ("t", "a.py"): "good",
        ("t", "000000003"): "bad-line",
        ("t", "000000004"): "bad-line",
        ("t", "000000005"): "bad-line",
        ("t", "000000006"): "bad-line",
        ("t", "000000007"): "bad-line",
        ("t", "b.py"): "no-content",
        ("t", "c.py"): "not-utf8",
        ("t", "d.py"): "binary",
        ("t", "e.py"): "too-large",
        ("t", "../f.py"): "unsafe-path",
        ("t", "g.py"): "last, without a line feed",
    }
    assert found["t", "000000004"].value == "line 4: list instead of an object"
    assert found["t", "000000007"].value == "line 7: longer than 3000 bytes"


def test_odd_values_are_written_as_they_can_be(store: Store, tmp_path: Path) -> None:
    half = "\ud800"
    odd = [
        {"content": "a", "path": 7, "repository": ["x"], "licence": 5, "language": {"a": 1}},
        {"content": "b", "path": half, "repository": half, "licence": [half, None]},
        {"content": ["c"], "path": "c.py", "files": "none"},
        {"content": "d", "path": "d.py", "files": [None, 3, {"content": half}]},
    ]
    put(store, tmp_path, {"odd/t.jsonl": lines(*odd)})
    found = read(store, {"jsonl": {"prefix": "odd/", "columns": {"files": "files"}}}, tmp_path)
    assert fates(found) == {
        ("['x']", "7"): "a",
        ("\\ud800", "\\ud800"): "unsafe-path",
        ("t", "c.py"): "no-content",
        ("t", "d.py"): "not-utf8",
    }
    assert [found[place].licence for place in sorted(found)] == ["5", "\\ud800", "", ""]


@pytest.mark.parametrize("end", [".gz", ".zst", ".xz"])
def test_lines_that_are_cut_are_dropped_whole(store: Store, tmp_path: Path, end: str) -> None:
    content = PACK[end](lines(*({"content": f"{i * 7919}"} for i in range(2000))))
    put(store, tmp_path, {f"cut{end}/t.jsonl{end}": content[: len(content) // 2]})
    found = read(store, {"jsonl": {"prefix": f"cut{end}/"}}, tmp_path)
    assert fates(found) == {("t", ""): "unreadable-file"}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_wrong_column_is_the_users_mistake(store: Store, tmp_path: Path, kind: str) -> None:
    row = {"text": "a = 1", "meta": "x"}
    content = {"jsonl": lines(row, row), "parquet": table(row)}[kind]
    put(store, tmp_path, {f"c-{kind}/t.{kind}": content})
    said = rf"sources\[0\]\.{kind}\.columns\.content.* in c-{kind}/t\.{kind}; .*: meta, text$"
    with pytest.raises(UserError, match=said):
        read(store, {kind: {"prefix": f"c-{kind}/"}}, tmp_path)
    named = {"prefix": f"c-{kind}/", "columns": {"content": "text"}}
    found = read(store, {kind: named}, tmp_path)
    assert {member.text for member in found.values()} == {"a = 1"}


@pytest.mark.parametrize("preset", PUBLISHED)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_published_tables_are_read_by_their_columns(
    store: Store, tmp_path: Path, kind: str, preset: str
) -> None:
    row = PUBLISHED[preset]
    put(store, tmp_path, {f"{preset}/t.jsonl": lines(row), f"{preset}/t.parquet": table(row)})
    found = read(store, {kind: {"prefix": f"{preset}/", "preset": preset}}, tmp_path)
    member = found["ann/mill", "src/a.py"]
    assert (member.text, member.language, member.licence) == ("a = 1", "Python", "MIT")
    assert member.revision == "c0ffee"
    if preset == "the-stack-v3":
        assert found["ann/mill", "A.java"].licence == ""


def test_prose_without_paths_is_text(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, {"web/t.jsonl": lines({"text": "Once."}, {"text": "Twice."})})
    given = {"role": "text", "jsonl": {"prefix": "web/", "columns": {"content": "text"}}}
    found = read(store, given, tmp_path)
    assert [(path, member.language) for (_, path), member in found.items()] == [
        ("000000001", "Text"),
        ("000000002", "Text"),
    ]


def test_row_groups_are_items_of_their_own(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "TARGET", 1)
    rows = [{"content": f"x = {i}", "repository": "r", "path": f"{i:03}.py"} for i in range(50)]
    put(store, tmp_path, {"g/t.parquet": table(*rows, group=20)})
    source = {"parquet": {"prefix": "g/"}}
    items = listed(store, corpus(source), tmp_path)
    assert [item.part for item in items] == ["0-0", "1-1", "2-2"]
    found = read(store, source, tmp_path)
    assert [member.text for member in found.values()] == [row["content"] for row in rows]


def test_rows_without_a_path_keep_their_number_in_the_object(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "TARGET", 1)
    put(store, tmp_path, {"n/t.parquet": table({"content": "a"}, {"content": "b"}, group=1)})
    found = read(store, {"parquet": {"prefix": "n/"}}, tmp_path)
    assert fates(found) == {("t", "000000000"): "a", ("t", "000000001"): "b"}


@pytest.mark.parametrize("cut", [0, 10, -9], ids=["footer", "start", "end"])
def test_a_broken_table_has_a_reason(store: Store, tmp_path: Path, cut: int) -> None:
    content = table(*PLAIN[2:])
    broken = content[:-9] if cut == 0 else content[cut:] if cut > 0 else content[:cut] + b"x" * 9
    put(store, tmp_path, {f"broken{cut}/t.parquet": broken})
    found = read(store, {"parquet": {"prefix": f"broken{cut}/"}}, tmp_path)
    assert [member.reason for member in found.values()] == ["unreadable-file"]


def test_a_row_group_that_is_damaged_has_a_reason(store: Store, tmp_path: Path) -> None:
    rows = [{"content": f"x = {i}", "path": f"{i}.py"} for i in range(2000)]
    content = bytearray(table(*rows))
    content[100:4000] = bytes(3900)
    put(store, tmp_path, {"damaged/t.parquet": bytes(content)})
    found = read(store, {"parquet": {"prefix": "damaged/"}}, tmp_path)
    assert {member.reason for member in found.values()} == {"unreadable-file"}


def test_blobs_of_software_heritage_are_fetched(store: Store, tmp_path: Path) -> None:
    row = {key: value for key, value in STACK_2.items() if key != "content"}
    rows = [
        row | {"blob_id": "plain", "path": "/plain.py"},
        row | {"blob_id": "packed", "path": "/packed.py"},
        row | {"blob_id": "latin", "path": "/latin.py", "src_encoding": "ISO-8859-1"},
        row | {"blob_id": "odd", "path": "/odd.py", "src_encoding": "klingon"},
        row | {"blob_id": "missing", "path": "/missing.py"},
        row | {"blob_id": "cut", "path": "/cut.py"},
        row | {"blob_id": "bomb", "path": "/bomb.py"},
        row | {"blob_id": "large", "path": "/large.py"},
        row | {"blob_id": "empty", "path": "/empty.py"},
        row | {"blob_id": None, "path": "/none.py"},
    ]
    blobs = {
        "plain": b"plain = 1",
        "packed": gzip.compress(b"packed = 1"),
        "latin": "é = 1".encode("latin-1"),
        "odd": b"odd",
        "cut": gzip.compress(b"cut" * 50)[:-9],
        "bomb": gzip.compress(bytes(5_000_000)),
        "large": b"#" * 100_000,
        "empty": b"",
    }
    objects = {f"content/{name}": content for name, content in blobs.items()}
    put(store, tmp_path, {"ids/t.parquet": table(*rows), **objects})
    found = read(store, {"softwareHeritage": {"prefix": "ids/"}}, tmp_path)
    assert {path: fate for (_, path), fate in fates(found).items()} == {
        "plain.py": "plain = 1",
        "packed.py": "packed = 1",
        "latin.py": "é = 1",
        "odd.py": "unknown-encoding",
        "missing.py": "missing-blob",
        "cut.py": "damaged-blob",
        "bomb.py": "too-large",
        "large.py": "too-large",
        "empty.py": "empty",
        "none.py": "missing-blob",
    }
    member = found["ann/mill", "plain.py"]
    assert (member.language, member.licence, member.revision) == ("Python", "MIT", "c0ffee")


def test_blobs_are_found_through_rows_that_are_repositories(store: Store, tmp_path: Path) -> None:
    files = [{"blob_id": "one", "path": "/a.py", "language": "Python"}]
    put(
        store,
        tmp_path,
        {"full/t.parquet": table({"repo_name": "ann/mill", "files": files}), "blobs/one": b"a = 1"},
    )
    given = {"prefix": "full/", "blobs": "blobs/", "columns": {"files": "files"}}
    found = read(store, {"softwareHeritage": given}, tmp_path)
    assert fates(found) == {("ann/mill", "a.py"): "a = 1"}


def test_loose_files_are_of_the_repository_of_their_first_folder(
    store: Store, tmp_path: Path
) -> None:
    objects = {
        "loose/mill/src/a.py": b"a = 1",
        "loose/mill/LICENSE": b"MIT License",
        "loose/mill/big.py": b"#" * 2000,
        "loose/mill/empty.py": b"",
        "loose/ore/b.py": b"caf\xe9",
        "loose/top.py": b"t = 1",
        "looser/other.py": b"not of the prefix",
    }
    put(store, tmp_path, objects)
    found = read(store, {"files": {"prefix": "loose"}}, tmp_path)
    assert fates(found) == {
        ("mill", "LICENSE"): "MIT License",
        ("mill", "big.py"): "too-large",
        ("mill", "empty.py"): "empty",
        ("mill", "src/a.py"): "a = 1",
        ("one", "top.py"): "t = 1",
        ("ore", "b.py"): "not-utf8",
    }


def test_a_changed_file_changes_its_repository_alone(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, {"tags/a/x.py": b"1", "tags/b/x.py": b"1"})
    spec = corpus({"files": {"prefix": "tags/"}})
    before = {item.repository: item.etag for item in listed(store, spec, tmp_path)}
    put(store, tmp_path, {"tags/b/x.py": b"2"})
    after = {item.repository: item.etag for item in listed(store, spec, tmp_path)}
    assert [name for name in before if before[name] != after[name]] == ["b"]


@pytest.mark.parametrize("kind", ["archives", "files", "jsonl", "parquet", "softwareHeritage"])
def test_nothing_below_a_prefix_is_the_users_mistake(
    store: Store, tmp_path: Path, kind: str
) -> None:
    with pytest.raises(
        UserError, match=rf"sources\[0\]\.{kind}\.prefix: source 'one' has no .*none"
    ):
        read(store, {kind: {"prefix": "none/"}}, tmp_path)


def test_how_a_source_is_read_is_part_of_its_items(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, {"how/t.parquet": table({"content": "a", "text": "b"})})
    given = [{"prefix": "how/"}, {"prefix": "how/", "columns": {"content": "text"}}]
    one, other = (listed(store, corpus({"parquet": how}), tmp_path)[0] for how in given)
    assert one.reading != other.reading


def test_a_folder_of_the_bucket_is_streamed_by_datasets(store: Store, tmp_path: Path) -> None:
    put(
        store,
        tmp_path,
        {"hub/data/train-0.parquet": table(*PLAIN[2:], {"path": "w.py", "content": "w"})},
    )
    found = read(store, {"huggingface": {"prefix": "hub/"}}, tmp_path)
    assert fates(found) == {("hub", "x.py"): "x = 1", ("hub", "w.py"): "w"}


def test_the_shards_of_a_dataset_are_all_of_it(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"train-{number}.parquet").write_bytes(table({"content": f"{number}"}))
    given = corpus({"huggingface": {"prefix": "x"}}).sources[0].huggingface
    assert given is not None
    rows = huggingface.opened(given, str(tmp_path), None, "spec", tmp_path)
    shards = [list(rows.shard(num_shards=3, index=index)) for index in range(rows.num_shards)]
    assert shards == [[{"content": "0"}], [{"content": "1"}], [{"content": "2"}]]


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("in/a.jsonl", "a"),
        ("in/team/a.b.jsonl.gz", "team/a.b"),
        ("in/a.NDJSON.zst", "a"),
        ("in/.jsonl", ".jsonl"),
    ],
)
def test_a_table_is_named_by_its_key(key: str, wanted: str) -> None:
    assert jsonl.name(key, "in/", jsonl.SUFFIXES) == wanted


def test_columns_that_nobody_looks_at_are_not_read(store: Store, tmp_path: Path) -> None:
    row = STACK_3 | {"readme": "x" * 100}
    row["files"] = [file | {"tokens": "y" * 100} for file in STACK_3["files"]]  # type: ignore[attr-defined, operator]
    put(store, tmp_path, {"wide/t.parquet": table(row)})
    source = {"parquet": {"prefix": "wide/", "preset": "the-stack-v3"}}
    spec = corpus(source)
    (item,) = listed(store, spec, tmp_path)
    columns = Columns.of(spec.sources[0].parquet, "spec")  # type: ignore[arg-type]
    found = [file for _, file in parquet.rows(item, columns, store, "content")]
    assert set(found[0]) == {
        "repo_path", "commit_id", "content", "file_path", "language", "detected_licenses",
    }  # fmt: skip
    assert len(read(store, source, tmp_path)) == 2


def test_a_dataset_that_is_damaged_has_a_reason(store: Store, tmp_path: Path) -> None:
    rows = [{"content": f"x = {i}", "path": f"{i}.py"} for i in range(2000)]
    content = bytearray(table(*rows))
    content[100:4000] = bytes(3900)
    put(store, tmp_path, {"hub3/train-0.parquet": bytes(content)})
    found = read(store, {"huggingface": {"prefix": "hub3/"}}, tmp_path)
    assert [member.reason for member in found.values()] == ["unreadable-file"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"split": "nothing"}, r"sources\[0\]\.huggingface.*nothing"),
        ({"columns": {"content": "text"}}, r"huggingface\.columns\.content.*'text'.*content, path"),
    ],
    ids=["split", "column"],
)
def test_a_dataset_that_is_not_as_the_spec_says_is_the_users_mistake(
    store: Store, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    put(store, tmp_path, {"hub2/train-0.parquet": table(*PLAIN[2:])})
    with pytest.raises(UserError, match=message):
        read(store, {"huggingface": {"prefix": "hub2/", **changed}}, tmp_path)
