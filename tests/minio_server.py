"""A real MinIO server on a free loopback port, for the tests of storage and of whole stages."""

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from oremill.specs.artifact import StorageTarget
from pipeline_steps.storage import Store


@dataclass(frozen=True)
class MinioServer:
    """A server's place on disk and on the network; it answers inside `running`."""

    folder: Path
    endpoint: str

    @classmethod
    def new(cls, folder: Path) -> "MinioServer":
        """Choose a free port and a secret key."""
        (folder / "secret").mkdir(parents=True)
        (folder / "secret" / "accessKey").write_text("tests")
        (folder / "secret" / "secretKey").write_text(secrets.token_hex(16))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return cls(folder, f"http://127.0.0.1:{free.getsockname()[1]}")

    @property
    def secret(self) -> Path:
        """The folder that a pod would have mounted: accessKey and secretKey."""
        return self.folder / "secret"

    @contextmanager
    def running(self, binary: str) -> Iterator[None]:
        """Serve until the end of the block; what was stored stays for the next block."""
        environment = {
            "HOME": str(self.folder),
            "MINIO_ROOT_USER": "tests",
            "MINIO_ROOT_PASSWORD": (self.secret / "secretKey").read_text(),
            "MINIO_BROWSER": "off",
        }
        address = self.endpoint.removeprefix("http://")
        command = [binary, "server", "--quiet", "--address", address, str(self.folder / "data")]
        log = self.folder / "minio.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            _wait(f"{self.endpoint}/minio/health/cluster", log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)

    def store(self, bucket: str, patience: float = 20.0) -> Store:
        """Return a store on a bucket, which is made when it is not there."""
        target = StorageTarget(endpoint=self.endpoint, bucket=bucket)
        store = Store.open(target, self.secret, patience=patience)
        if not store.client.bucket_exists(bucket):
            store.client.make_bucket(bucket)
        return store


def minio_binary() -> str | None:
    """Return the server of $OREMILL_MINIO, of the dev cluster's cache, or of $PATH."""
    cache = Path(os.environ.get("OREMILL_CACHE") or Path.home() / ".cache" / "oremill")
    built = sorted(str(path) for path in cache.glob("tools/minio-*/minio"))
    return os.environ.get("OREMILL_MINIO") or next(iter(built), None) or shutil.which("minio")


def _wait(url: str, server_log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"MinIO is not ready: {server_log.read_text()}")
