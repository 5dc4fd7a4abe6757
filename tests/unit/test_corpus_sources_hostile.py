"""Inputs that are made to break a reader: none crashes or hangs it, and every file has its row."""

import ast
import gzip
import io
import random
import re
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oremill.specs.corpus import OptOut
from pipeline_steps.corpus.optout import OptOuts
from pipeline_steps.corpus.sources import archives, door, jsonl
from pipeline_steps.corpus.sources.git import ODD as ODD_MODES
from pipeline_steps.corpus.sources.members import LONGEST_PATH, MOST_BYTES, Member, dropped, member
from pipeline_steps.corpus.sources.spool import Spool
from pipeline_steps.errors import UserError
from pipeline_steps.storage import Store
from tests import corpus_runs
from tests.corpus_sources import corpus, fates, listed, put, read
from tests.minio_server import MinioServer

LIMIT = 1000  # bytes of a file
GOOD = ("a.py", "")
END = bytes(1024)  # of a tar


def members(folder: Path, content: bytes, name: str = "a.tar") -> list[Member]:
    (folder / name).write_bytes(content)
    with Spool(folder, "r") as spool:
        archives.add(folder / name, spool, LIMIT)
        return list(spool)


def reasons(found: list[Member]) -> list[tuple[str, str]]:
    return [(one.path, one.reason) for one in found]


def header(name: str = "x/a.py", size: int = 4, kind: bytes = b"0", **raw: bytes) -> bytes:
    """Return a header of a tar; `raw` has other bytes at a place, such as at124=b"..."."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    made = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    for place, content in raw.items():
        start = int(place.removeprefix("at"))
        made[start : start + len(content)] = content
    made[148:156] = b" " * 8
    made[148:156] = f"{sum(made):06o}\0 ".encode()
    return bytes(made)


def block(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def extended(kind: bytes, **records: str) -> bytes:
    """Return an extended header; names of records have _ for a dot."""
    body = b""
    for name, value in records.items():
        rest = f" {name.replace('_', '.')}={value}\n".encode()
        size = next(n for n in range(len(rest), 10**6) if n == len(rest) + len(str(n)))
        body += str(size).encode() + rest
    return header("pax", len(body), kind) + block(body)


FILE = header() + block(b"good")


@pytest.mark.parametrize(
    "before",
    [
        header(at124=b"\x80" + b"\x7f" * 11),
        header(at124=b"\x80\0\0\0\x80" + bytes(7)),
        extended(b"x", size="9" * 30) + header(),
        extended(b"g", size=f"{2**40}") + header(),
    ],
    ids=["2^94", "2^63", "10^30 in a header", "2^40 in a header of all"],
)
def test_a_member_that_claims_to_be_endless_ends_the_archive(tmp_path: Path, before: bytes) -> None:
    (whole,) = members(tmp_path, before + FILE + END)
    assert (whole.path, whole.reason) == ("", "archive-bomb")


@pytest.mark.parametrize(
    "content",
    [
        header("x/s.py", kind=b"S", at482=b"\1", at483=b"00000000500\0"),
        gzip.compress(
            extended(b"x", GNU_sparse_major="1", GNU_sparse_minor="0", GNU_sparse_realsize="9")
            + header("x/s.py", 9 + 2**21)
            + block(b"99999999\n" + b"0\n" * 2**20)
        ),
        extended(b"x", size="-1024") + FILE + END,
        extended(b"x", GNU_sparse_map="a,b") + FILE + END,
        header("././@LongLink", 8, b"L") + block(b"x/ab.py\0"),
        extended(b"x", path="a") * 3000 + FILE + END,
    ],
    ids=["sparse, cut", "map of holes", "below zero", "no numbers", "name alone", "endless names"],
)  # fmt: skip
def test_a_tar_that_leads_its_reader_astray_is_dropped_whole(
    tmp_path: Path, content: bytes
) -> None:
    tracemalloc.start()
    try:
        (whole,) = members(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert (whole.path, whole.reason) == ("", "unreadable-archive")


def zipped(files: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content in files:
            made.writestr(name, content)
    return out.getvalue()


TWO = zipped([("x/b.py", b"bbbb"), ("x/a.py", b"good")])
LOCAL, ENTRY, LAST = b"PK\3\4", b"PK\1\2", b"PK\5\6"


def changed(content: bytes, *changes: tuple[bytes, int, bytes]) -> bytes:
    """Write bytes at a place behind the first of a record."""
    made = bytearray(content)
    for record, place, new in changes:
        start = made.index(record) + place
        made[start : start + len(new)] = new
    return bytes(made)


def large(size: int) -> bytes:
    """Return a zip whose first file claims a size of 64 bits."""
    name, data = b"x/b.py", b"bbbb"
    crc = zlib.crc32(data)
    first = LOCAL + struct.pack("<HHHHHIIIHH", 45, 0, 0, 0, 0, crc, 4, 4, len(name), 0) + name
    more = struct.pack("<HHQ", 1, 8, size)
    entry = ENTRY + struct.pack(
        "<HHHHHHIIIHHHHHII", 45, 45, 0, 0, 0, 0, crc, 4, 2**32 - 1, len(name), len(more),
        0, 0, 0, 0, 0,
    ) + name + more  # fmt: skip
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(first) + 4, 0)
    return first + data + entry + LAST + end


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (changed(TWO, (LOCAL, 8, b"\x09"), (ENTRY, 10, b"\x09")),
         [GOOD, ("b.py", "unknown-compression")]),
        (changed(TWO, (ENTRY, 8, b"\1")), [GOOD, ("b.py", "encrypted")]),
        (changed(TWO, (ENTRY, 24, b"\xff" * 4)), [GOOD, ("b.py", "too-large")]),
        (changed(TWO, (LAST, 16, b"\xff\xff\xff\x7f")), [("", "unreadable-archive")]),
        (changed(TWO, (LAST, 12, b"\xff\xff\xff\x7f")), [("", "archive-bomb")]),
        (changed(TWO, (LAST, 12, bytes(4))), [("", "no-files")]),
        (changed(TWO, (LOCAL, 30, b"\0"), (ENTRY, 46, b"\0")),
         [("", "unsafe-path"), ("x/a.py", "")]),
        (zipped([("x/a.py", b"good"), ("x/d/", b"hidden")]), [GOOD, ("d/", "not-a-regular-file")]),
        (zipped([("x/a.py", b"good"), ("x/A.py", b"other")]), [("A.py", ""), GOOD]),
        (zipped([("x/", b""), ("x/y/", b"")]), [("", "no-files")]),
        (zipped([("x/a.py", b"good"), ("x/b.zip", zipped([]))]), [GOOD, ("b.zip", "no-files")]),
        (zipped([("x/a.py", b"good"), (f"x/{'n' * 9999}", b"b")]),
         [GOOD, ("n" * (LONGEST_PATH - len("x/")), "unsafe-path")]),
        (large(2**64 - 1), [("b.py", "too-large")]),
        (b"<html><body>404 Not Found</body></html>", [("", "unreadable-archive")]),
    ],
    ids=[
        "method", "password", "claimed size", "offset of nowhere", "endless directory",
        "no directory", "name of nothing", "folder with bytes", "case", "folders alone",
        "empty inside", "long name", "2^64", "page of an error",
    ],
)  # fmt: skip
def test_a_trap_in_a_zip_has_its_row(
    tmp_path: Path, content: bytes, wanted: list[tuple[str, str]]
) -> None:
    found = members(tmp_path, content, "a.zip")
    assert reasons(found) == wanted
    assert all(0 <= one.size <= MOST_BYTES for one in found)


def test_a_zip_of_too_many_entries_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 50)
    content = zipped([(f"x/{number}.py", b"") for number in range(300)])
    monkeypatch.setattr(zipfile, "ZipFile", None)
    (whole,) = members(tmp_path, content, "a.zip")
    assert whole.reason == "archive-bomb"


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_to_a_zip_makes_reading_crash(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    methods = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA
    whole = zipped([(f"x/{i}.py", b"a" * i * 20) for i in range(6)], methods[seed])
    for _ in range(300):
        content = bytearray(whole)
        start = chosen.choice([0, whole.index(ENTRY), whole.index(LAST)])
        for _ in range(chosen.randrange(1, 5)):
            content[chosen.randrange(start, len(whole))] = chosen.choice([0, 1, 127, 128, 255])
        found = members(tmp_path, bytes(content), "a.zip")
        assert found and all(bool(one.text) != bool(one.reason) for one in found)


NAMES = ("a.py", "b/c.py", "b/./d.py", "b//e.py", "..", "../f.py", "/g.py", "h\n.py", "i\u202e.py")
CONTENTS = (b"print(1)\n", b"", b"\0\1", b"caf\xe9", b"x" * (LIMIT + 1), b" \n", b"{}")
ODD = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)


def drawn(chosen: random.Random, inner: bool = True) -> Iterator[tuple[str, bytes, list[str]]]:
    """Yield name, content and the paths that it stands for, of files of an archive."""
    for number in range(chosen.randrange(1, 12)):
        name = f"x/{number}-{chosen.choice(NAMES)}" if chosen.random() < 0.7 else "x/same.py"
        if inner and chosen.random() < 0.2:
            end = chosen.choice([".zip", ".tar.gz"])
            files = list(drawn(chosen, False))
            path = f"x/{number}{end}"
            yield (
                path,
                packed(files, end),
                [f"{path}/{one}" for *_, paths in files for one in paths],
            )
        else:
            content = chosen.choice(CONTENTS)
            yield name, content, [name]


def packed(files: list[tuple[str, bytes, list[str]]], end: str) -> bytes:
    if end == ".zip":
        return zipped([(name, content) for name, content, _ in files])
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        for name, content, _ in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("end", [".zip", ".tar.gz"])
def test_every_file_that_an_archive_lists_has_one_row(tmp_path: Path, end: str) -> None:
    chosen = random.Random(end)
    for _ in range(60):
        files = list(drawn(chosen))
        wanted = Counter(path for *_, paths in files for path in paths)
        found = members(tmp_path, packed(files, end), f"a{end}")
        assert Counter(f"x/{one.path}" for one in found) == wanted
        assert all(bool(one.text) != bool(one.reason) for one in found)


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_has_one_row_too(tmp_path: Path, kind: bytes) -> None:
    content = header("x/odd", 0, kind) + FILE + header("x/folder", 0, tarfile.DIRTYPE) + END
    assert reasons(members(tmp_path, content)) == [GOOD, ("odd", "not-a-regular-file")]


@pytest.mark.parametrize(
    ("name", "encoding", "reason"),
    [
        ("a.py", "idna", "unknown-encoding"),
        ("a.py", "punycode", "unknown-encoding"),
        ("a.py", "unicode_escape", "unknown-encoding"),
        ("a.py", "undefined", "unknown-encoding"),
        ("a.py", "zlib", "unknown-encoding"),
        ("a.py", "\0", "unknown-encoding"),
        ("a.py", "utf-16", ""),
        ("a.py", "latin-1", ""),
        ("a/", "utf-8", "unsafe-path"),
        ("a" * (LONGEST_PATH + 1), "utf-8", "unsafe-path"),
        ("a" * LONGEST_PATH, "utf-8", ""),
        ("é" * (LONGEST_PATH // 2 + 1), "utf-8", "unsafe-path"),
    ],
    ids=lambda value: value[:9],
)
def test_a_name_or_an_encoding_that_is_none_is_refused(
    name: str, encoding: str, reason: str
) -> None:
    assert member(name, b"ab", LIMIT, encoding).reason == reason


def reasons_in_the_source() -> set[str]:
    """Return every reason that a reader gives to a file, as it stands in the code."""
    found = {*ODD_MODES.values(), "archive-bomb", "duplicate-path", "encrypted"}
    found |= {"binary", "not-utf8", "unknown-compression", "unreadable-archive", "unreadable-file"}
    for path in sorted(Path(archives.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and "dropped" in ast.unparse(node.func):
                given = [arg for arg in node.args[2:3] if isinstance(arg, ast.Constant)]
                found |= {str(arg.value) for arg in given}
            if isinstance(node, ast.FunctionDef) and node.name == "too_large":
                found.add("too-large")
    return found


def test_every_reason_has_a_row_in_the_document() -> None:
    page = (Path(__file__).parents[2] / "docs/corpus.md").read_text()
    section = page.partition("## Reasons of the stage read")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.M)
    assert rows == sorted(rows) == sorted(reasons_in_the_source())


@pytest.mark.parametrize(("size", "kept"), [(-7, 0), (7, 7), (2**64 - 1, MOST_BYTES)])
def test_a_size_that_is_claimed_fits_into_the_ledger(size: int, kept: int) -> None:
    assert dropped("a", size, "too-large").size == kept


def test_a_long_name_of_a_repository_costs_little() -> None:
    tracemalloc.start()
    try:
        assert OptOuts(OptOut(repositories=["a/b"])).reason("a/" * 4000, "x") == ""
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def store(minio: MinioServer) -> Store:
    return minio.store("corpus-hostile")


def table(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def text(*values: bytes) -> pa.Array:
    """Return a column of texts that nobody has looked at."""
    ends = [sum(map(len, values[:count])) for count in range(len(values) + 1)]
    places, content = struct.pack(f"<{len(ends)}i", *ends), b"".join(values)
    buffers = [None, pa.py_buffer(places), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


FILES = pa.array([[{"content": "a", "path": "p.py"}, None], None, []])
LATE = pa.array([2**62], pa.timestamp("us"))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (table(content=[1, 2]), {"000000000": "no-content", "000000001": "no-content"}),
        (table(content=[["a"]]), {"000000000": "no-content"}),
        (table(content=pa.nulls(1)), {"000000000": "no-content"}),
        (table(content=[b"x"], path=[b"a.py"], repository=[b"t"]), {"a.py": "x"}),
        (table(content=text(b"\xff", b"x"), path=["a.py", "b.py"]),
         {"a.py": "not-utf8", "b.py": "x"}),
        (table(content=["x", "y"], path=text(b"\xff.py", b"b.py")),
         {"\\xff.py": "unsafe-path", "b.py": "y"}),
        (table(content=["x"], path=LATE), {"000000000": "x"}),
        (table(content=pa.array(["x"]).dictionary_encode()), {"000000000": "x"}),
        (table(files=FILES), {"p.py": "a", "000000000-1": "no-content"}),
        (table(content=pa.array([], pa.string())), {"0-0": "no-files"}),
        (b"", {"": "unreadable-file"}),
        (b"<html>404</html>", {"": "unreadable-file"}),
    ],
    ids=[
        "numbers", "lists", "nothing", "bytes", "no UTF-8", "path of no UTF-8", "year 100000",
        "dictionary", "files that are null", "no rows", "no bytes", "page of an error",
    ],
)  # fmt: skip
def test_an_odd_table_has_a_row_for_each_of_its_own(
    store: Store,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    content: bytes,
    wanted: dict[str, str],
) -> None:
    prefix = f"{request.node.callspec.id}/"
    put(store, tmp_path, {f"{prefix}t.parquet": content})
    columns = {"files": "files"} if "p.py" in wanted else {}
    found = read(store, {"parquet": {"prefix": prefix, "columns": columns}}, tmp_path)
    assert {path: fate for (_, path), fate in fates(found).items()} == wanted
    assert {repository for repository, _ in found} == {"t"}


@pytest.mark.parametrize("column", [["b"], [["b"]], [{"content": "b"}]], ids=str)
def test_a_column_of_files_that_holds_none_is_the_users_mistake(
    store: Store, tmp_path: Path, column: Any
) -> None:
    put(store, tmp_path, {"no-files/t.parquet": table(content=["a"], f=column)})
    source = {"parquet": {"prefix": "no-files/", "columns": {"files": "f"}}}
    said = r"columns\.files: the column 'f' of no-files/t\.parquet is .*; it must be a list of str"
    with pytest.raises(UserError, match=said):
        listed(store, corpus(source), tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_no_damage_to_a_table_makes_reading_crash(store: Store, tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    whole = table(content=[f"text {i}" * 9 for i in range(50)], path=[f"{i}.py" for i in range(50)])
    for number in range(60):
        content = bytearray(whole)
        start = chosen.choice([0, len(whole) * 2 // 3, len(whole) - 400])
        for _ in range(chosen.randrange(1, 6)):
            content[chosen.randrange(start, len(whole))] = chosen.randrange(256)
        prefix = f"damaged-{seed}-{number}/"
        put(store, tmp_path, {f"{prefix}t.parquet": bytes(content)})
        try:
            assert read(store, {"parquet": {"prefix": prefix}}, tmp_path)
        except UserError as error:  # the name of a column was hit
            assert "there is no column 'content' in damaged" in str(error)


BLOBS = ["../../x", "a//b", "/abs", "n" * 1100, "a\0b", "..", ".", " ", "a/", "é/\u202e", ""]


def test_a_blob_that_nothing_can_be_called_is_missing(store: Store, tmp_path: Path) -> None:
    paths = [f"{number}.py" for number in range(len(BLOBS))]
    put(store, tmp_path, {"ids/t.parquet": table(blob_id=BLOBS, path=paths), "ids/content/x": b"x"})
    source = {"softwareHeritage": {"prefix": "ids/", "blobs": "ids/content/"}}
    found = fates(read(store, source, tmp_path))
    assert {path: fate for (_, path), fate in found.items()} == dict.fromkeys(paths, "missing-blob")


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", {"": "no-files"}),
        (b"\n \n", {"": "no-files"}),
        (b"<html>\n<body>404", {"000000001": "bad-line", "000000002": "bad-line"}),
        ('{"content": "a"}\n'.encode("utf-16"), {"000000001": "bad-line", "000000002": "bad-line"}),
        (b'\xef\xbb\xbf{"content": "a"}', {"000000001": "a"}),
        (b'{"content": ' + b"9" * 6000 + b"}", {"000000001": "bad-line"}),
        (b'{"files": [null, 3, {"content": "a"}]}',
         {"000000001-0": "no-content", "000000001-1": "no-content", "000000001-2": "a"}),
    ],
    ids=["no bytes", "blank", "page of an error", "UTF-16", "mark", "number", "files"],
)  # fmt: skip
def test_odd_lines_have_a_row_each(
    store: Store,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    content: bytes,
    wanted: dict[str, str],
) -> None:
    prefix = f"lines-{request.node.callspec.id}/"
    put(store, tmp_path, {f"{prefix}t.jsonl": content})
    source = {"jsonl": {"prefix": prefix, "columns": {"files": "files"}}}
    assert {
        path: fate for (_, path), fate in fates(read(store, source, tmp_path)).items()
    } == wanted


def test_a_line_of_a_gigabyte_is_skipped_and_never_held(tmp_path: Path) -> None:
    with (tmp_path / "lines").open("wb") as out:
        out.write(b'{"content": "before"}\n')
        out.seek(2**30, io.SEEK_CUR)  # a hole: the disk holds nothing
        out.write(b'\n{"content": "behind"}\n')
    source = corpus({"jsonl": {"prefix": "x/"}}).sources[0]
    columns = jsonl.Columns.of(source.kind, "spec")  # type: ignore[arg-type]
    item = door.Item("one", 0, "t", "code", "x/t.jsonl", 2**30, "tag")
    tracemalloc.start()
    try:
        with Spool(tmp_path, "t") as spool:
            jsonl.add(tmp_path / "lines", item, columns, spool, LIMIT)
            held = tracemalloc.get_traced_memory()[1]
            found = [one.reason or one.text for one in spool]
    finally:
        tracemalloc.stop()
    assert found == ["before", "bad-line", "behind"]
    assert held < 3 * jsonl.MAX_LINE


def test_an_object_that_goes_while_it_is_read_is_told(store: Store, tmp_path: Path) -> None:
    put(store, tmp_path, {"going/a.zip": TWO})
    spec = corpus({"archives": {"prefix": "going/"}})
    (item,) = listed(store, spec, tmp_path)
    store.remove(["going/a.zip"])
    with pytest.raises(
        UserError, match=r"sources\[0\]\.archives: s3://.*a\.zip was listed, and is"
    ):
        door.read(item, spec, store, tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_what_a_source_lists_is_what_the_ledger_has(
    minio: MinioServer, store: Store, tmp_path: Path
) -> None:
    chosen, wanted = random.Random(1), Counter[tuple[str, str]]()
    objects: dict[str, bytes] = {"all/README.rst": b"x", "all/c.7z": b"7z", "all/cut.zip": TWO[:-9]}
    wanted.update([("README.rst", ""), ("c.7z", ""), ("cut", "")])
    for number in range(12):
        end = chosen.choice([".zip", ".tar.gz"])
        files = [*drawn(chosen), ("x/kept.py", f"kept = {number}\n".encode() * 9, ["x/kept.py"])]
        objects[f"all/r-{number}{end}"] = packed(files, end)
        paths = [path.removeprefix("x/") for *_, paths in files for path in paths]
        wanted.update((f"r-{number}", path) for path in paths)
    put(store, tmp_path, objects)
    off = {"licences": {"unlicensed": "keep"}, "quality": {"preset": "none", "maxFileBytes": LIMIT}}
    spec = {"sources": [{"name": "one", "archives": {"prefix": "all/"}}], **off}
    step, manifest = corpus_runs.carried_out(
        corpus_runs.places(minio, "corpus-hostile", tmp_path / "run", "all", spec)
    )
    ledger = pq.read_table(step.scratch / "corpus" / "ledger.parquet").to_pylist()
    assert Counter((row["repository"], row["path"]) for row in ledger) == wanted
    assert all(bool(row["stage"]) == bool(row["reason"]) for row in ledger)
    kept = sum(not row["stage"] for row in ledger)
    assert kept == manifest.results["files"] >= 12
    assert manifest.counters["stages"][0]["filesIn"] == wanted.total()
