"""buildah, which builds the Dockerfiles of images/ without a daemon; its store lies in the cache.

A build reaches the package registries as this machine does: with its certificate authorities and
its package index. Both come in at build time as mounts, so that no image, and no Dockerfile, holds
anything of this machine.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster.layout import DevClusterError
from devcluster.package_index import certificates, index_url
from devcluster.progress import call

BASE = "docker.io/library/debian:bookworm-slim"  # the real name: the Dockerfiles' FROM finds it
_CERTIFICATES = "/run/certificates.crt"
# What the published slim image leaves out too; a licence file must stay.
_SLIM = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
)


@dataclass(frozen=True)
class Buildah:
    """One image store."""

    folder: Path

    @property
    def uv_cache(self) -> Path:
        """Where `RUN --mount=type=cache,id=uv` keeps its wheels."""
        return self.temporary / "buildah-cache" / "uv"

    @property
    def temporary(self) -> Path:
        """A folder for work in progress, on the same disk as the store."""
        path = self.folder / "tmp"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, *words: str | Path) -> str:
        """Run one command and return its stdout. Raises DevClusterError with its stderr."""
        return call(self._argv(*words), env=self.environment())

    def has(self, image: str) -> bool:
        """True when the store has `image`."""
        done = subprocess.run(
            self._argv("inspect", "--type", "image", image),
            capture_output=True,
            env=self.environment(),
        )
        return done.returncode == 0

    def images(self) -> list[str]:
        """The names in the store."""
        lines = self.run("images", "--format", "{{.Name}}:{{.Tag}}").split()
        return [line for line in lines if "<none>" not in line]

    def make_base(self) -> None:
        """Make Debian's slim image from its packages, where no registry of images is needed."""
        with tempfile.TemporaryDirectory(dir=self.temporary) as work:
            options = [f"--dpkgopt={option}" for option in _SLIM]
            root = Path(work) / "root.tar"
            call(["mmdebstrap", "--quiet", "--variant=minbase", *options, "bookworm", root])
            (Path(work) / "Dockerfile").write_text('FROM scratch\nADD root.tar /\nCMD ["bash"]\n')
            self.run("build", "--quiet", "--isolation=chroot", "--tag", BASE, work)

    def build(self, dockerfile: Path, context: Path, image: str, log: Path) -> None:
        """Build one image, step by step from the first that changed. Raises with the log's end."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as out, self.host_mounts() as mounts:
            flags = ["--isolation=chroot", "--network=host", "--pull-never", "--layers", *mounts]
            argv = self._argv("build", *flags, "--tag", image, "--file", dockerfile, context)
            done = subprocess.run(
                argv, stdout=out, stderr=subprocess.STDOUT, env=self.environment()
            )
        if done.returncode:
            tail = log.read_text(errors="replace")[-2000:]
            raise DevClusterError(f"building {image} failed; the end of {log}:\n{tail}")

    def _argv(self, *words: str | Path) -> list[str]:
        store = ("--root", self.folder / "storage", "--runroot", self.folder / "run")
        return [str(w) for w in ("buildah", *store, "--storage-driver=overlay", *words)]

    def environment(self) -> dict[str, str]:
        """What buildah and skopeo need: their temporary files can be as large as an image."""
        return {**os.environ, "TMPDIR": str(self.temporary)}

    @contextlib.contextmanager
    def host_mounts(self) -> Iterator[Sequence[str]]:
        """The flags by which a build reaches the package registries as this machine does."""
        with tempfile.TemporaryDirectory(dir=self.temporary) as work:
            flags = []
            if bundle := certificates():
                flags += [f"--volume={bundle}:{_CERTIFICATES}:ro"]
                flags += [f"--build-arg={a}={_CERTIFICATES}" for a in ("SSL_CERT_FILE", "PIP_CERT")]
            if url := index_url():
                pip, uv = Path(work) / "pip.conf", Path(work) / "uv.toml"
                pip.write_text(f"[global]\nindex-url = {url}\n")
                uv.write_text(f'[[index]]\nurl = "{url}"\ndefault = true\n')
                flags += [f"--volume={pip}:/etc/pip.conf:ro", f"--volume={uv}:/etc/uv/uv.toml:ro"]
            yield flags
