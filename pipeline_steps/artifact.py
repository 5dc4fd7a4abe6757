"""A published artifact, in a bucket or in a folder, for the commands that read one.

An address is what status.artifact.uri shows. Credentials are files, as a pod has them, or the
variables that AWS's own tools read.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from oremill import names
from oremill.specs.artifact import Manifest, StorageTarget
from pipeline_steps.corpus.sources.remote import opened
from pipeline_steps.errors import UserError
from pipeline_steps.storage import FIRST_PATIENCE, Store

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<prefix>.+?)/*")


@dataclass(frozen=True)
class Access:
    """How to reach a bucket; what is None is taken from the environment."""

    endpoint: str | None = None  # AWS_ENDPOINT_URL
    region: str | None = None  # AWS_REGION
    ca: str | None = None  # PEM file
    secret: str | None = None  # OREMILL_STORAGE_SECRET: folder with accessKey and secretKey

    def store(self, bucket: str) -> Store:
        """Return a store on a bucket.

        Raises:
            UserError: the endpoint or the credentials are not given.
        """
        endpoint = self.endpoint or os.environ.get("AWS_ENDPOINT_URL", "")
        if not re.match(r"https?://[^/]", endpoint):
            raise UserError(f"--endpoint: {endpoint!r} is no address; give http(s)://host[:port]")
        region = self.region or os.environ.get("AWS_REGION", "us-east-1")
        target = StorageTarget(endpoint=endpoint, bucket=bucket, region=region)
        ca, secret = self.ca or names.STORAGE_CA_FILE, self.secret or _secret()
        if secret:
            return Store.open(target, secret, ca, FIRST_PATIENCE)
        keys = os.environ.get(KEYS[0], ""), os.environ.get(KEYS[1], "")
        if not all(keys):
            raise UserError(f"no credentials: give --secret, or set {KEYS[0]} and {KEYS[1]}")
        return Store.with_keys(target, keys, ca, FIRST_PATIENCE)


class Artifact(Protocol):
    """A folder of files, with a manifest that lists them."""

    def manifest(self) -> Manifest | None:
        """Return the manifest, or None where there is none."""

    def open(self, path: str) -> BinaryIO:
        """Return a file that is read where one looks.

        Raises:
            FileNotFoundError: there is no such file.
        """


@dataclass(frozen=True)
class Folder:
    """An artifact, or a part of one, on this machine."""

    folder: Path

    def manifest(self) -> Manifest | None:
        """Return the manifest, where it was downloaded too."""
        path = self.folder / names.MANIFEST
        return Manifest.model_validate_json(path.read_text()) if path.exists() else None

    def open(self, path: str) -> BinaryIO:
        """Return a file."""
        return (self.folder / path).open("rb")


@dataclass(frozen=True)
class InBucket:
    """An artifact in a bucket."""

    store: Store
    prefix: str

    def manifest(self) -> Manifest | None:
        """Return the manifest; without one there is no artifact."""
        return self.store.manifest(self.prefix)

    def open(self, path: str) -> BinaryIO:
        """Return a file, of which what is read is downloaded and nothing else."""
        key = f"{self.prefix}/{path}"
        return opened(self.store, key, self.store.size(key))


def artifact(address: str, access: Access) -> Artifact:
    """Return the artifact at an address or in a folder; nothing is read yet.

    Raises:
        UserError: it is neither.
    """
    if not address.startswith("s3://"):
        if not Path(address).is_dir():
            raise UserError(f"ARTIFACT: {address!r} is no folder, and no address (s3://bucket/…)")
        return Folder(Path(address))
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UserError(f"ARTIFACT: {address!r} is not s3://bucket/namespace/kind/name/digest")
    return InBucket(access.store(found["bucket"]), found["prefix"])


def _secret() -> str:
    """Return the folder of a pod's Secret, where the environment or the pod has one."""
    given = os.environ.get("OREMILL_STORAGE_SECRET", names.STORAGE_SECRET_DIR)
    return given if Path(given).is_dir() else ""
