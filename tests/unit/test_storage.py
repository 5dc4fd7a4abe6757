"""The bucket, against a real MinIO server."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
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


@pytest.mark.parametrize("size", [1, 6 * 2**20], ids=["one part", "several parts"])
def test_an_object_is_copied_unless_it_was_changed(store: Store, tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(b"a" * size)
    etag = store.upload(tmp_path / "a", "a")
    assert store.find("a").etag == etag
    assert store.copy("a", etag, "b") == store.find("b").etag
    assert store.read("b") == b"a" * size
    store.write("a", "changed")
    for key in ("a", "nowhere"):
        with pytest.raises(FileNotFoundError, match=rf"s3://.*/{key}"):
            store.copy(key, etag, "b")


def test_objects_are_removed_by_key_there_or_not(store: Store) -> None:
    for key in ("x/a", "x/b", "x/bc"):
        store.write(key, "")
    store.remove(key for key in ("x/b", "x/none"))
    assert [item.key for item in store.list("x/")] == ["x/a", "x/bc"]


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


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A MinIO server that speaks TLS, with a certificate that it signed itself."""
    binary, tool = minio_binary(), shutil.which("openssl")
    if binary is None or tool is None:
        pytest.skip("no MinIO server, or no openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = ["-keyout", "private.key", "-out", "public.crt"]
    names = ["-subj", "/CN=minio", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [tool, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *names]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    server = MinioServer.new(folder / "minio")
    command = [binary, "server", "--quiet", "--certs-dir", str(folder)]
    command += ["--address", server.endpoint.removeprefix("http://"), str(folder / "data")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        port = int(server.endpoint.rpartition(":")[2])
        while process.poll() is None and not _listens(port):
            time.sleep(0.05)
        yield server
        process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def refused(endpoint: str, secret: Path) -> str:
    target = StorageTarget(endpoint=endpoint, bucket="bucket")
    with pytest.raises(UserError) as error:
        Store.open(target, secret, patience=30).read("x")
    return str(error.value)


def test_a_scheme_that_does_not_fit_is_told_at_once(
    minio: MinioServer, guarded: MinioServer
) -> None:
    tls = minio.endpoint.replace("http:", "https:")
    assert refused(tls, minio.secret) == (
        f"spec.storage.endpoint: {tls} does not speak TLS there; is it http://?"
    )
    assert refused(guarded.endpoint, guarded.secret) == (
        f"spec.storage.endpoint: {guarded.endpoint} speaks TLS there; is it https://?"
    )


def test_a_certificate_that_is_not_trusted_is_told_at_once(guarded: MinioServer) -> None:
    endpoint = guarded.endpoint.replace("http:", "https:")
    told = refused(endpoint, guarded.secret)
    assert told.startswith(
        f"spec.storage.caRef: the certificate of {endpoint} is not trusted (self-signed"
    )


def test_a_name_that_does_not_resolve_is_told_with_its_field(minio: MinioServer) -> None:
    target = StorageTarget(endpoint="http://no-such-name.invalid:9000", bucket="bucket")
    with pytest.raises(StorageUnavailable, match=r"no-such-name.*correct spec\.storage\.endpoint"):
        Store.open(target, minio.secret, patience=0).read("x")
