"""The only module that talks to the bucket (MinIO, or any S3).

An artifact or a checkpoint is a folder whose `manifest.json` is written last and removed first:
where there is a manifest, every file that it lists is there. A bucket that is away is waited for
with growing pauses, for minutes; then the step ends as resumable. A bucket that refuses us is the
user's to repair.
"""

import hashlib
import io
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, S3Error, ServerError
from minio.helpers import ObjectWriteResult

from oremill import names
from oremill.specs.artifact import File, Manifest, StorageTarget
from pipeline_steps.errors import StepFailed, StorageUnavailable, UserError

log = logging.getLogger(__name__)
Result = TypeVar("Result")

PATIENCE = 180.0  # seconds a bucket may be away before the step gives its pod back
LONGEST_PAUSE = 15.0  # seconds between two tries
FIRST_PATIENCE = 15.0  # seconds for the first contact: a wrong endpoint must not stay untold
TRANSFERS = 4  # files on their way at once
# There is no such object, or none can be called so.
ABSENT = ("NoSuchKey", "NoSuchObject", "KeyTooLongError", "XMinioInvalidObjectName")
REFUSALS = {
    "AccessDenied": "spec.storage.secretRef: the bucket {bucket!r} refuses these credentials",
    "InvalidAccessKeyId": "spec.storage.secretRef: {endpoint} does not know this accessKey",
    "SignatureDoesNotMatch": "spec.storage.secretRef: {endpoint} refuses this secretKey",
    "NoSuchBucket": "spec.storage.bucket: {endpoint} has no bucket {bucket!r}",
}

# What a wrong endpoint or certificate authority looks like; the first that fits is told.
MISFITS = (
    (
        re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|HTTP_REQUEST"),
        "spec.storage.endpoint: {endpoint} does not speak TLS there; is it http://?",
    ),
    (
        re.compile("HTTP request.*HTTPS"),
        "spec.storage.endpoint: {endpoint} speaks TLS there; is it https://?",
    ),
    (
        re.compile("CERTIFICATE_VERIFY_FAILED.*?verify failed: (?P<why>[^(]*)"),
        "spec.storage.caRef: the certificate of {endpoint} is not trusted ({why}); name a "
        "ConfigMap with its authority under the key ca.crt",
    ),
)


@dataclass(frozen=True)
class Object:
    """An object of the bucket."""

    key: str
    size: int  # bytes
    etag: str


@dataclass(frozen=True)
class Store:
    """One bucket, with the credentials of the step's Secret."""

    client: Minio
    target: StorageTarget
    patience: float = PATIENCE

    @classmethod
    def open(
        cls,
        target: StorageTarget,
        secret_dir: str | Path = names.STORAGE_SECRET_DIR,
        ca_file: str | Path = names.STORAGE_CA_FILE,
        patience: float = PATIENCE,
    ) -> "Store":
        """Return the store of `target`; nothing is sent yet.

        Raises:
            UserError: the Secret lacks a key.
        """
        folder = Path(secret_dir)
        keys = _secret(folder, "accessKey"), _secret(folder, "secretKey")
        return cls.with_keys(target, keys, ca_file, patience)

    @classmethod
    def with_keys(
        cls,
        target: StorageTarget,
        keys: tuple[str, str],
        ca_file: str | Path,
        patience: float,
    ) -> "Store":
        """Return the store of `target` for who has the access key and the secret key."""
        url = urlsplit(target.endpoint)
        client = Minio(
            url.netloc,
            access_key=keys[0],
            secret_key=keys[1],
            secure=url.scheme == "https",
            region=target.region,
            http_client=_pool(Path(ca_file)),
        )
        return cls(client, target, patience)

    def uri(self, key: str) -> str:
        """Return the address of a key or of a prefix."""
        return f"s3://{self.target.bucket}/{key}"

    def key(self, uri: str) -> str:
        """Return the key of an address in this bucket."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if bucket != self.target.bucket:
            raise UserError(
                f"{uri} is in bucket {bucket!r}; this object's spec.storage.bucket is "
                f"{self.target.bucket!r}, and a stage reads its inputs from its own bucket"
            )
        return key

    def list(self, prefix: str) -> list[Object]:
        """Return the objects below a prefix, sorted by key."""

        def found() -> list[Object]:
            items = self.client.list_objects(self.target.bucket, prefix=prefix, recursive=True)
            return [Object(item.object_name, item.size or 0, item.etag or "") for item in items]

        return sorted(self._patiently(f"list {prefix}", found), key=lambda item: item.key)

    def exists(self, key: str) -> bool:
        """Return whether there is an object of exactly this key."""
        try:
            self.size(key)
        except FileNotFoundError:
            return False
        return True

    def size(self, key: str) -> int:
        """Return an object's bytes.

        Raises:
            FileNotFoundError: there is no such object.
        """
        return self.find(key).size

    def find(self, key: str) -> Object:
        """Return what there is under a key.

        Raises:
            FileNotFoundError: there is no such object.
        """
        bucket = self.target.bucket
        found = self._patiently(f"find {key}", lambda: self.client.stat_object(bucket, key))
        return Object(key, int(found.size), str(found.etag))

    def read(self, key: str, offset: int = 0, length: int = 0) -> bytes:
        """Return an object's bytes.

        Args:
            key: of the object.
            offset: of the first byte.
            length: most bytes to read; 0 reads to the end.

        Raises:
            FileNotFoundError: there is no such object.
        """

        def content() -> bytes:
            if not {".", ".."}.isdisjoint(key.split("/")):  # which no object may be called
                raise FileNotFoundError(self.uri(key))
            try:
                response = self.client.get_object(self.target.bucket, key, offset, length)
            except S3Error as error:
                if error.code == "InvalidRange":  # past the end, as any byte of no bytes is
                    return b""
                raise
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

        return self._patiently(f"read {key}", content)

    def download(self, key: str, path: Path) -> None:
        """Write an object to `path`, which appears only when it is whole.

        Raises:
            FileNotFoundError: there is no such object.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        bucket = self.target.bucket
        self._patiently(f"get {key}", lambda: self.client.fget_object(bucket, key, str(path)))

    def upload(self, path: Path, key: str) -> str:
        """Write a file to the bucket, where it appears only when it is whole; return its tag."""
        bucket = self.target.bucket
        put = self._patiently(f"put {key}", lambda: self.client.fput_object(bucket, key, str(path)))
        return str(put.etag)

    def copy(self, key: str, etag: str, to: str) -> str:
        """Copy an object inside the bucket, unless it was changed; return the copy's tag.

        Raises:
            FileNotFoundError: there is no such object with this tag.
        """
        source = CopySource(self.target.bucket, key, match_etag=etag)

        def copied() -> ObjectWriteResult:
            try:
                return self.client.copy_object(self.target.bucket, to, source)
            except S3Error as error:
                if error.code == "PreconditionFailed":
                    raise FileNotFoundError(f"{self.uri(key)} was changed") from error
                raise

        return str(self._patiently(f"copy {key}", copied).etag)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is none the less gone."""
        doomed = [DeleteObject(key) for key in keys]
        self._patiently("remove objects", partial(self._remove, doomed))

    def remove_prefix(self, prefix: str) -> int:
        """Remove every object below a prefix, manifests first; return how many there were.

        `prefix` is taken as a folder: `a/b` does not touch `a/bc`.
        """
        objects = self.list(prefix.rstrip("/") + "/")
        manifests = [item for item in objects if item.key.endswith("/" + names.MANIFEST)]
        others = [item for item in objects if item not in manifests]
        for group in (manifests, others):
            self.remove(item.key for item in group)
        return len(objects)

    def manifest(self, prefix: str) -> Manifest | None:
        """Return the manifest below a prefix, or None when nothing was finished there."""
        try:
            return Manifest.model_validate_json(self.read(f"{prefix}/{names.MANIFEST}"))
        except FileNotFoundError:
            return None

    def publish(self, folder: Path, prefix: str, manifest: Manifest) -> Manifest:
        """Upload a folder, then the manifest with every file's SHA-256; return that.

        Files that `manifest` lists already are in the bucket.
        """
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = [_described(folder, path) for path in paths]
        with ThreadPoolExecutor(TRANSFERS) as pool:
            keys = [f"{prefix}/{file.path}" for file in files]
            _finish(pool.map(self.upload, paths, keys))
        listed = sorted([*manifest.files, *files], key=lambda file: file.path)
        whole = manifest.model_copy(update={"files": listed})
        self.write(f"{prefix}/{names.MANIFEST}", whole.model_dump_json(by_alias=True, indent=1))
        return whole

    def write(self, key: str, text: str) -> None:
        """Write a small text object."""
        content, bucket = text.encode(), self.target.bucket
        self._patiently(
            f"put {key}",
            lambda: self.client.put_object(bucket, key, io.BytesIO(content), len(content)),
        )

    def fetch(self, prefix: str, folder: Path) -> Manifest:
        """Download what a manifest lists, and check it.

        Raises:
            FileNotFoundError: there is no manifest.
            StepFailed: a file is not what the manifest says.
        """
        manifest = self.manifest(prefix)
        if manifest is None:
            raise FileNotFoundError(self.uri(f"{prefix}/{names.MANIFEST}"))
        with ThreadPoolExecutor(TRANSFERS) as pool:
            _finish(pool.map(lambda file: self._fetch_one(prefix, folder, file), manifest.files))
        return manifest

    def _fetch_one(self, prefix: str, folder: Path, file: File) -> None:
        path = folder / file.path
        if not path.resolve().is_relative_to(folder.resolve()):
            raise StepFailed(f"{self.uri(prefix)}: the manifest lists {file.path!r}, outside of it")
        if path.is_file() and sha256_of(path) == file.sha256:
            return
        self.download(f"{prefix}/{file.path}", path)
        found = sha256_of(path)
        if found != file.sha256:
            path.unlink()
            raise StepFailed(
                f"{self.uri(prefix)}/{file.path} is damaged: SHA-256 {found}, "
                f"the manifest says {file.sha256}"
            )

    def _remove(self, doomed: Iterable[DeleteObject]) -> None:
        for error in self.client.remove_objects(self.target.bucket, doomed):
            raise StorageUnavailable(f"{error.object_name} cannot be removed: {error.message}")

    def _patiently(self, what: str, call: Callable[[], Result]) -> Result:
        """Return call(), trying again while the bucket is away."""
        deadline = time.monotonic() + self.patience
        for pause in _pauses():
            try:
                return call()
            except S3Error as error:
                self._settle(what, error)
                trouble: Exception = error
            except (urllib3.exceptions.HTTPError, InvalidResponseError, ServerError) as error:
                self._fit(error)
                trouble = error
            if time.monotonic() + pause > deadline:
                raise StorageUnavailable(
                    f"{self.target.endpoint} did not answer for {self.patience:.0f} s "
                    f"({what}): {trouble}{_advice(trouble)}"
                ) from trouble
            log.warning("%s: %s; trying again in %.1f s", what, trouble, pause)
            time.sleep(pause)
        raise AssertionError("pauses never end")

    def _fit(self, error: Exception) -> None:
        """Raise what shows that the spec names the endpoint or its authority wrongly."""
        for looks, message in MISFITS:
            found = looks.search(str(error))
            if found is not None:
                said = {name: text.strip() for name, text in found.groupdict().items()}
                raise UserError(message.format(endpoint=self.target.endpoint, **said)) from error

    def _settle(self, what: str, error: S3Error) -> None:
        """Raise what trying again cannot change; return when it may pass."""
        if error.code in ABSENT:
            raise FileNotFoundError(f"{self.uri(what.partition(' ')[2])}") from error
        if error.code in REFUSALS:
            values: dict[str, Any] = self.target.model_dump()
            raise UserError(REFUSALS[error.code].format(**values)) from error
        if error.response.status < 500 and error.code not in ("SlowDown", "RequestTimeout"):
            raise error


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _advice(trouble: Exception) -> str:
    """Return what to look at: a name that does not resolve is rather wrong than away."""
    resolves = "Failed to resolve" not in str(trouble)
    return "" if resolves else "; correct spec.storage.endpoint if the name is wrong"


def _described(folder: Path, path: Path) -> File:
    return File(
        path=path.relative_to(folder).as_posix(), sha256=sha256_of(path), bytes=path.stat().st_size
    )


def _pauses() -> Iterator[float]:
    pause = 0.25
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _finish(results: Iterable[object]) -> None:
    """Wait for all, and raise the first error."""
    for _ in results:
        pass


def _secret(folder: Path, key: str) -> str:
    try:
        return (folder / key).read_text().strip()
    except FileNotFoundError:
        raise UserError(
            f"spec.storage.secretRef: the Secret has no key {key!r}; it needs accessKey and "
            "secretKey"
        ) from None


def _pool(ca_file: Path) -> urllib3.PoolManager:
    """Return connections without retries of their own: `_patiently` is the one place for that."""
    trust = {"ca_certs": str(ca_file)} if ca_file.is_file() else {}
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=10, read=120),  # seconds
        maxsize=2 * TRANSFERS,
        retries=urllib3.Retry(0, redirect=3),
        **trust,  # type: ignore[arg-type]
    )
