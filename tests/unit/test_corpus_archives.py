"""Archives from anybody: every trap is dropped with a reason, and nothing crashes or escapes."""

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline_steps.corpus import archives
from pipeline_steps.corpus.archives import Member, members, repository

LIMIT = 1000  # bytes of a file


def tar(path: Path, files: dict[str, bytes], extra: list[tarfile.TarInfo] = []) -> Path:  # noqa: B006
    mode = {"gz": "w:gz", "tgz": "w:gz", "crate": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
    with tarfile.open(path, mode.get(path.name.rpartition(".")[2], "w")) as out:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
        for info in extra:
            out.addfile(info)
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def reasons(found: list[Member]) -> dict[str, str]:
    return {member.path: member.reason for member in found}


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.crate", "a.tar.bz2", "a.tar.xz"])
def test_a_tar_is_read_without_its_top_folder_in_path_order(tmp_path: Path, name: str) -> None:
    found = members(tar(tmp_path / name, {"x-1/b.py": b"b", "x-1/a/c.py": "é".encode()}), LIMIT)
    assert found == [Member("a/c.py", 2, text="é"), Member("b.py", 1, text="b")]


def test_a_zip_is_read_alike(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr("x/b.py", "b")
        out.writestr("x/big.py", "b" * (LIMIT + 1))
        symlink = zipfile.ZipInfo("x/link.py")
        symlink.external_attr = 0o120777 << 16
        out.writestr(symlink, "/etc/passwd")
    found = members(tmp_path / "a.zip", LIMIT)
    assert reasons(found) == {"b.py": "", "big.py": "too-large", "link.py": "not-a-regular-file"}


def test_files_at_the_top_keep_their_folders(tmp_path: Path) -> None:
    found = members(tar(tmp_path / "a.tar", {"x/b.py": b"b", "c.py": b"c"}), LIMIT)
    assert [member.path for member in found] == ["c.py", "x/b.py"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x/nul.py", b"a\0b", "binary"),
        ("x/latin1.py", b"caf\xe9", "not-utf8"),
        ("x/empty.py", b" \n\t", "empty"),
        ("x/blank.py", "\x1c\u2003".encode(), "empty"),
        ("x/big.py", b"a" * (LIMIT + 1), "too-large"),
        ("x/../../etc/passwd", b"a", "unsafe-path"),
        ("/etc/passwd", b"a", "unsafe-path"),
        ("x\\..\\y.py", b"a", "unsafe-path"),
        ("x/a\nb.py", b"a", "unsafe-path"),
        ("x/a\x1b[31m.py", b"a", "unsafe-path"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_bad_member_is_dropped_with_its_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    found = members(tar(tmp_path / "a.tar", {name: content, "x/good.py": b"good"}), LIMIT)
    assert sorted(member.reason for member in found) == ["", reason]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_never_followed(tmp_path: Path, kind: bytes) -> None:
    path = tar(tmp_path / "a.tar", {"x/a.py": b"a"}, [link("x/link", "/etc/passwd", kind)])
    assert reasons(members(path, LIMIT)) == {"a.py": "", "link": "not-a-regular-file"}


def test_of_two_members_with_one_name_the_later_wins(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        for content in (b"old", b"new"):
            info = tarfile.TarInfo("x/a.py")
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    assert members(tmp_path / "a.tar", LIMIT) == [Member("a.py", 3, text="new")]


@pytest.mark.parametrize(
    "name", ["a.tar.gz", "a.zip", "a.tar.xz", "a.tar"], ids=lambda name: str(name)
)
@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00garbage"])
def test_what_is_no_archive_is_dropped_whole(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (whole,) = members(tmp_path / name, LIMIT)
    assert (whole.path, whole.reason) == ("", "unreadable-archive")


def test_a_truncated_archive_is_dropped_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4
    path = tar(tmp_path / "a.tar.gz", {f"x/{i}.py": content[i:] + content for i in range(50)})
    path.write_bytes(path.read_bytes()[:-200])
    (whole,) = members(path, LIMIT)
    assert whole.reason == "unreadable-archive"


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip"])
def test_no_damage_makes_reading_crash(tmp_path: Path, name: str) -> None:
    files = {f"x/{'long/' * 30}{i}.py": f"print({i})\n".encode() * i for i in range(1, 9)}
    path = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for key, content in files.items():
                out.writestr(key, content)
    else:
        tar(path, files)
    whole, chosen = path.read_bytes(), random.Random(name)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chosen.randrange(1, 6)):
            damaged[chosen.randrange(len(whole))] = chosen.randrange(256)
        path.write_bytes(damaged[: chosen.choice((len(whole), chosen.randrange(len(whole))))])
        for member in members(path, LIMIT):
            assert bool(member.text) != bool(member.reason)


def test_trouble_of_the_disk_is_not_taken_for_a_broken_archive(tmp_path: Path) -> None:
    (tmp_path / "a.tar").mkdir()
    with pytest.raises(IsADirectoryError):
        members(tmp_path / "a.tar", LIMIT)


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 10_000)
    path = tar(tmp_path / "a.tar.gz", {f"x/{i}": b"0" * LIMIT for i in range(20)})
    (whole,) = members(path, LIMIT)
    assert (whole.reason, whole.value[:10]) == ("unreadable-archive", "ValueError")


def test_archives_inside_archives_are_not_opened(tmp_path: Path) -> None:
    inner = gzip.compress(b"print('hidden')\0")
    found = members(tar(tmp_path / "a.tar", {"x/inner.tar.gz": inner}), LIMIT)
    assert found[0].reason in ("binary", "not-utf8")


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("in/click-8.1.7.tar.gz", "click-8.1.7"),
        ("in/team/serde-1.0.crate", "team/serde-1.0"),
        ("in/lodash-4.17.21.tgz", "lodash-4.17.21"),
        ("in/A.ZIP", "A"),
    ],
)
def test_a_repository_is_named_by_its_key(key: str, wanted: str) -> None:
    assert repository(key, "in/") == wanted
