"""The bucket, against a real MinIO server."""

import threading
import time
from pathlib import Path

import pytest

from oremill.specs.artifact import File, Manifest, StorageTarget
from pipeline_steps.errors import StepFailed, StorageUnavailable, UserError
from pipeline_steps.storage import Store, sha256_of
from tests.minio_server import MinioServer, minio_binary

MANIFEST = Manifest(
    kind="DataCorpus", namespace="n", name="x", digest="d", created_at="t", recipe=1, spec={}
)


@pytest.fixture
def store(minio: MinioServer, request: pytest.FixtureRequest) -> Store:
    name = request.node.name.lower().replace("_", "-")
    return minio.store("".join(letter for letter in name if letter.isalnum() or letter == "-")[:60])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "data").mkdir(parents=True)
    (made / "data" / "a.bin").write_bytes(b"\x00\xff" * 1000)
    (made / "empty.txt").write_text("")
    return made


def test_a_published_folder_comes_back_whole(store: Store, folder: Path, tmp_path: Path) -> None:
    published = store.publish(folder, "p/x", MANIFEST)
    fetched = store.fetch("p/x", tmp_path / "back")
    assert fetched == published == store.manifest("p/x")
    assert [file.path for file in fetched.files] == ["data/a.bin", "empty.txt"]
    assert sha256_of(tmp_path / "back/data/a.bin") == fetched.files[0].sha256
    assert (tmp_path / "back/empty.txt").read_bytes() == b""


def test_the_manifest_is_the_last_object_written(store: Store, folder: Path) -> None:
    store.publish(folder, "p", MANIFEST)
    listed = store.client.list_objects(store.target.bucket, recursive=True)
    newest = max(listed, key=lambda item: item.last_modified)
    assert newest.object_name == "p/manifest.json"


def test_no_manifest_means_no_artifact(store: Store, folder: Path, tmp_path: Path) -> None:
    store.upload(folder / "data/a.bin", "p/data/a.bin")
    assert store.manifest("p") is None
    with pytest.raises(FileNotFoundError, match="manifest"):
        store.fetch("p", tmp_path / "back")


def test_a_file_that_is_not_what_the_manifest_says_is_refused(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    store.publish(folder, "p", MANIFEST)
    store.write("p/data/a.bin", "something else")
    with pytest.raises(StepFailed, match=r"data/a\.bin is damaged"):
        store.fetch("p", tmp_path / "back")
    assert not (tmp_path / "back/data/a.bin").exists()


def test_a_manifest_cannot_lead_out_of_its_folder(store: Store, tmp_path: Path) -> None:
    evil = File(path="../evil", sha256="0", bytes=1)
    text = MANIFEST.model_copy(update={"files": [evil]}).model_dump_json(by_alias=True)
    store.write("p/manifest.json", text)
    with pytest.raises(StepFailed, match=r"'\.\./evil', outside of it"):
        store.fetch("p", tmp_path / "back")
    assert not (tmp_path / "evil").exists()


def test_list_is_sorted_and_exists_is_exact(store: Store) -> None:
    for key in ("b/2", "a", "b/1", "b/10"):
        store.write(key, key)
    assert [item.key for item in store.list("b/")] == ["b/1", "b/10", "b/2"]
    assert store.list("")[0].size == 1
    assert store.exists("b/1") and not store.exists("b")
    assert store.read("b/10") == b"b/10"


def test_remove_prefix_takes_a_folder_and_no_namesake(store: Store) -> None:
    for key in ("x/1/manifest.json", "x/1/a", "xy/manifest.json"):
        store.write(key, "")
    assert store.remove_prefix("x") == 2
    assert [item.key for item in store.list("")] == ["xy/manifest.json"]


def test_a_missing_object_is_a_missing_file(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"s3://.*/nowhere"):
        store.read("nowhere")
    with pytest.raises(FileNotFoundError, match=r"s3://.*/nowhere"):
        store.download("nowhere", tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("bucket", "secret", "message"),
    [
        ("not-there", None, "spec.storage.bucket.*no bucket 'not-there'"),
        ("any", "wrong", "spec.storage.secretRef.*secretKey"),
    ],
    ids=["no such bucket", "wrong secret key"],
)
def test_a_refusal_is_the_users_to_repair(
    minio: MinioServer, tmp_path: Path, bucket: str, secret: str | None, message: str
) -> None:
    (tmp_path / "accessKey").write_text("tests")
    (tmp_path / "secretKey").write_text(secret or (minio.secret / "secretKey").read_text())
    target = StorageTarget(endpoint=minio.endpoint, bucket=bucket)
    with pytest.raises(UserError, match=message):
        Store.open(target, tmp_path).read("x")


def test_a_secret_without_a_key_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "accessKey").write_text("a")
    with pytest.raises(UserError, match="no key 'secretKey'"):
        Store.open(StorageTarget(endpoint="http://127.0.0.1:1", bucket="bucket"), tmp_path)


def test_an_address_of_another_bucket_is_refused(store: Store) -> None:
    assert store.key(store.uri("a/b")) == "a/b"
    with pytest.raises(UserError, match="'elsewhere'"):
        store.key("s3://elsewhere/a")


def test_a_bucket_that_stays_away_is_unavailable_and_not_an_error_of_ours(tmp_path: Path) -> None:
    for key in ("accessKey", "secretKey"):
        (tmp_path / key).write_text("x")
    target = StorageTarget(endpoint="http://127.0.0.1:9", bucket="bucket")
    with pytest.raises(StorageUnavailable, match=r"did not answer for 1 s \(read x\)"):
        Store.open(target, tmp_path, patience=1).read("x")


def test_a_bucket_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    binary = minio_binary() or pytest.skip("no MinIO server")
    server, read = MinioServer.new(tmp_path / "minio"), []
    with server.running(binary):
        store = server.store("late", patience=30)
        store.write("a", "here")
    reader = threading.Thread(target=lambda: read.append(store.read("a")))
    reader.start()
    time.sleep(0.5)
    assert reader.is_alive()
    with server.running(binary):
        reader.join(30)
    assert read == [b"here"]
