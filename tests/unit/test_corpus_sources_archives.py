"""Archives from anybody: every trap is dropped with a reason, and nothing crashes or escapes."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline_steps.corpus.sources import archives, streams
from pipeline_steps.corpus.sources.archives import repository
from pipeline_steps.corpus.sources.members import Member
from pipeline_steps.corpus.sources.spool import Spool

LIMIT = 1000  # bytes of a file


def members(path: Path, limit: int = LIMIT) -> list[Member]:
    with Spool(path.parent, "r") as spool:
        archives.add(path, spool, limit)
        return list(spool)


def tar(path: Path, files: dict[str, bytes], extra: list[tarfile.TarInfo] | None = None) -> Path:
    """Write a tar, compressed as its name says."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as out:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            out.addfile(info, io.BytesIO(text))
        for info in extra or []:
            out.addfile(info)
    packed = content.getvalue()
    match path.name.rpartition(".")[2]:
        case "gz" | "tgz" | "crate":
            path.write_bytes(gzip.compress(packed))
        case "bz2":
            path.write_bytes(bz2.compress(packed))
        case "xz":
            path.write_bytes(lzma.compress(packed))
        case "zst":
            path.write_bytes(pa.compress(packed, "zstd", asbytes=True))
        case _:
            path.write_bytes(packed)
    return path


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in files.items():
            out.writestr(name, text)
    return path


def packed(name: str, files: dict[str, bytes], folder: Path) -> bytes:
    make = zipped if name.endswith(archives.ZIPS) else tar
    return make(folder / name, files).read_bytes()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def reasons(found: list[Member]) -> dict[str, str]:
    return {member.path: member.reason for member in found}


def texts(found: list[Member]) -> dict[str, str]:
    return {member.path: member.text for member in found}


TARS = ["a.tar", "a.tar.gz", "a.tgz", "a.crate", "a.tar.bz2", "a.tar.xz", "a.tar.zst"]


@pytest.mark.parametrize("name", TARS)
def test_a_tar_is_read_without_its_top_folder_in_path_order(tmp_path: Path, name: str) -> None:
    found = members(tar(tmp_path / name, {"x-1/b.py": b"b", "x-1/a/c.py": "é".encode()}))
    assert found == [
        Member("a/c.py", 2, text="é", repository="r"),
        Member("b.py", 1, text="b", repository="r"),
    ]


@pytest.mark.parametrize("name", ["a.zip", "a.whl", "a.jar"])
def test_a_zip_is_read_alike(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as out:
        out.mkdir("x")
        out.writestr("x/b.py", "b")
        out.writestr("x/big.py", "b" * (LIMIT + 1))
        symlink = zipfile.ZipInfo("x/link.py")
        symlink.external_attr = 0o120777 << 16
        out.writestr(symlink, "/etc/passwd")
    found = members(tmp_path / name)
    assert reasons(found) == {"b.py": "", "big.py": "too-large", "link.py": "not-a-regular-file"}


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_the_order_in_an_archive_does_not_matter(tmp_path: Path, name: str) -> None:
    files = {f"x/{folder}/{i}.py": f"{i}".encode() * 9 for folder in "ba" for i in range(20)}
    make = zipped if name.endswith("zip") else tar
    first = members(make(tmp_path / name, files))
    shuffled = random.Random(1).sample(sorted(files), len(files))
    assert members(make(tmp_path / name, {key: files[key] for key in shuffled})) == first
    assert [member.path for member in first] == sorted(name[2:] for name in files)


def test_files_at_the_top_keep_their_folders(tmp_path: Path) -> None:
    found = members(tar(tmp_path / "a.tar", {"./x/b.py": b"b", "./c.py": b"c"}))
    assert [member.path for member in found] == ["c.py", "x/b.py"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x/nul.py", b"a\0b", "binary"),
        ("x/picture.png", b"\x89PNG\0\xff", "binary"),
        ("x/latin1.py", b"caf\xe9", "not-utf8"),
        ("x/nothing.py", b"", "empty"),
        ("x/empty.py", b" \n\t", "empty"),
        ("x/blank.py", "\x1c\u2003".encode(), "empty"),
        ("x/big.py", b"a" * (LIMIT + 1), "too-large"),
        ("x/../../etc/passwd", b"a", "unsafe-path"),
        ("/etc/passwd", b"a", "unsafe-path"),
        ("x\\..\\y.py", b"a", "unsafe-path"),
        ("x/a\nb.py", b"a", "unsafe-path"),
        ("x/a\x1b[31m.py", b"a", "unsafe-path"),
        ("x/bad.ipynb", b"{}", "bad-notebook"),
    ],
    ids=lambda value: repr(value)[:24],
)
@pytest.mark.parametrize("archive", ["a.tar", "a.zip"])
def test_a_bad_member_is_dropped_with_its_reason(
    tmp_path: Path, archive: str, name: str, content: bytes, reason: str
) -> None:
    files = {name: content, "x/good.py": b"good"}
    packed(archive, files, tmp_path)
    found = members(tmp_path / archive)
    assert sorted(member.reason for member in found) == ["", reason]
    assert all(bool(member.text) != bool(member.reason) for member in found)


def test_a_name_that_is_no_utf8_is_shown_with_escapes(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {"x/good.py": b"good", "x/QQQ.py": b"a"})
    raw = path.read_bytes().replace(b"QQQ", b"\xff\xfe\xfd", 1)
    start = raw.index(b"x/\xff")
    header = bytearray(raw[start : start + 512])
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    path.write_bytes(raw[:start] + bytes(header) + raw[start + 512 :])
    assert reasons(members(path)) == {"good.py": "", "\\udcff\\udcfe\\udcfd.py": "unsafe-path"}


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
    ids=["symlink", "hard link", "character device", "block device", "pipe"],
)
def test_links_and_devices_are_never_followed(tmp_path: Path, kind: bytes) -> None:
    path = tar(tmp_path / "a.tar", {"x/a.py": b"a"}, [link("x/link", "/etc/passwd", kind)])
    assert reasons(members(path)) == {"a.py": "", "link": "not-a-regular-file"}


def test_of_two_members_with_one_name_the_later_wins_and_the_other_has_a_reason(
    tmp_path: Path,
) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        for content in (b"oldest", b"old", b"new"):
            info = tarfile.TarInfo("x/a.py")
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    assert [(one.text, one.reason, one.size) for one in members(tmp_path / "a.tar")] == [
        ("", "duplicate-path", 6),
        ("", "duplicate-path", 3),
        ("new", "", 3),
    ]


@pytest.mark.parametrize("name", [*TARS, "a.zip"])
@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00garbage"])
def test_what_is_no_archive_is_dropped_whole(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (whole,) = members(tmp_path / name)
    assert (whole.path, whole.reason) == ("", "unreadable-archive")


@pytest.mark.parametrize("name", [*TARS, "a.zip"])
@pytest.mark.parametrize("cut", [1 / 4, 1 / 2, 9 / 10])
def test_a_truncated_archive_is_dropped_whole(tmp_path: Path, name: str, cut: float) -> None:
    noise = random.Random(0)
    files = {f"x/{i}.py": noise.randbytes(400).hex().encode() for i in range(50)}
    content = packed(name, files, tmp_path)
    (tmp_path / name).write_bytes(content[: int(len(content) * cut)])
    (whole,) = members(tmp_path / name)
    assert whole.reason == "unreadable-archive"


def test_a_tar_that_ends_between_two_files_is_dropped_whole(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {"x/a.py": b"a", "x/b.py": b"b"})
    path.write_bytes(path.read_bytes()[:1024])
    (whole,) = members(path)
    assert whole.reason == "unreadable-archive"


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.zst", "a.tar.xz", "a.zip"])
def test_no_damage_makes_reading_crash(tmp_path: Path, name: str) -> None:
    files = {f"x/{'long/' * 30}{i}.py": f"print({i})\n".encode() * i for i in range(1, 9)}
    whole, chosen = packed(name, files, tmp_path), random.Random(name)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chosen.randrange(1, 6)):
            damaged[chosen.randrange(len(whole))] = chosen.randrange(256)
        cut = chosen.choice((len(whole), chosen.randrange(len(whole))))
        (tmp_path / name).write_bytes(damaged[:cut])
        for member in members(tmp_path / name):
            assert bool(member.text) != bool(member.reason)


def test_an_encrypted_member_is_dropped_with_its_reason(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"x/a.py": b"a", "x/b.py": b"b"})
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of the first member
        place = content.index(mark) + at
        content[place : place + 2] = struct.pack("<H", 1)
    path.write_bytes(content)
    assert reasons(members(path)) == {"a.py": "encrypted", "b.py": ""}


def test_trouble_of_the_disk_is_not_taken_for_a_broken_archive(tmp_path: Path) -> None:
    (tmp_path / "a.tar").mkdir()
    with pytest.raises(IsADirectoryError):
        members(tmp_path / "a.tar")


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar.zst"])
def test_a_bomb_is_stopped_by_its_ratio(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "FLOOR", 100_000)
    path = tar(tmp_path / name, {"x/zeros": bytes(3_000_000), "x/a.py": b"a"})
    (whole,) = members(path)
    assert (whole.path, whole.reason) == ("", "archive-bomb")


def test_a_zip_bomb_costs_nothing_or_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {"x/zeros": bytes(3_000_000), "x/a.py": b"a"})
    assert reasons(members(path)) == {"zeros": "too-large", "a.py": ""}
    monkeypatch.setattr(streams, "FLOOR", 10_000)
    monkeypatch.setattr(streams, "MAX_RATIO", 10)
    path = zipped(tmp_path / "b.zip", {f"x/{i}": b" " * 4000 for i in range(100)})
    (whole,) = members(path, 4000)
    assert whole.reason == "archive-bomb"


def test_an_archive_of_too_many_bytes_or_files_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tar(tmp_path / "a.tar.gz", {f"x/{i}": b"0" * LIMIT for i in range(20)})
    with monkeypatch.context() as patch:
        patch.setattr(streams, "MAX_UNPACKED", 10_000)
        assert [one.reason for one in members(path)] == ["archive-bomb"]
    monkeypatch.setattr(archives, "MAX_MEMBERS", 19)
    assert [one.reason for one in members(path)] == ["archive-bomb"]


def test_a_long_header_is_not_read_into_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x/long")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2**31
    (tmp_path / "a.tar").write_bytes(header.tobuf() + bytes(10_000))
    (whole,) = members(tmp_path / "a.tar")
    assert (whole.reason, "2147483648" in whole.value) == ("unreadable-archive", True)


def test_an_xz_that_wants_gigabytes_to_be_read_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 2**30}]
    content = lzma.compress(b"x" * 100, filters=filters)
    (tmp_path / "a.tar.xz").write_bytes(content)
    (whole,) = members(tmp_path / "a.tar.xz")
    assert (whole.reason, "emory" in whole.value) == ("unreadable-archive", True)


def test_streams_one_after_the_other_are_one(tmp_path: Path) -> None:
    content = tar(tmp_path / "a.tar", {"x/a.py": b"a" * 900, "x/b.py": b"b"}).read_bytes()
    halves = content[:1000], content[1000:]
    for name, pack in (("a.tar.xz", lzma.compress), ("a.tar.gz", gzip.compress)):
        (tmp_path / name).write_bytes(b"".join(pack(half) for half in halves))
        assert reasons(members(tmp_path / name)) == {"a.py": "", "b.py": ""}


@pytest.mark.parametrize("outer", ["a.tar.gz", "a.zip"])
@pytest.mark.parametrize("inner", ["b.tar.gz", "b.zip", "b.jar"])
def test_an_archive_inside_an_archive_is_a_folder_and_no_deeper(
    tmp_path: Path, outer: str, inner: str
) -> None:
    deepest = packed("c.zip", {"z/d.py": b"d"}, tmp_path)
    middle = packed(inner, {"y/b.py": b"b", "y/c.zip": deepest}, tmp_path)
    packed(outer, {"x/a.py": b"a", f"x/{inner}": middle}, tmp_path)
    found = members(tmp_path / outer)
    assert reasons(found) == {
        "a.py": "",
        f"{inner}/y/b.py": "",
        f"{inner}/y/c.zip": "nested-archive",
    }
    assert texts(found)[f"{inner}/y/b.py"] == "b"


def test_a_broken_archive_inside_an_archive_is_dropped_alone(tmp_path: Path) -> None:
    inner = packed("b.tar.gz", {f"{i}.py": f"{i}".encode() * 99 for i in range(9)}, tmp_path)
    packed("a.tar", {"x/b.tgz": inner[:-30], "x/a.py": b"a"}, tmp_path)
    assert reasons(members(tmp_path / "a.tar")) == {"a.py": "", "b.tgz": "unreadable-archive"}


def test_a_bomb_inside_an_archive_is_a_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = packed("b.tar.xz", {"zeros": bytes(9_000_000)}, tmp_path)
    packed("a.tar", {"x/b.tar.xz": inner, "x/a.py": b"a"}, tmp_path)
    monkeypatch.setattr(streams, "FLOOR", 1_000_000)
    assert reasons(members(tmp_path / "a.tar")) == {"": "archive-bomb"}


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("in/click-8.1.7.tar.gz", "click-8.1.7"),
        ("in/team/serde-1.0.crate", "team/serde-1.0"),
        ("in/lodash-4.17.21.tgz", "lodash-4.17.21"),
        ("in/A.ZIP", "A"),
        ("in/a.tar.zst", "a"),
        ("in/six-1.17-py3-none-any.whl", "six-1.17-py3-none-any"),
    ],
)
def test_a_repository_is_named_by_its_key(key: str, wanted: str) -> None:
    assert repository(key, "in/") == wanted
