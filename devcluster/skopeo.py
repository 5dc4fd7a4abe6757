"""skopeo, which carries images from buildah's store to containerd's, layer by layer.

`ctr images import` wants a whole archive, which for the train image is 6 GB each time. But it asks
for no blob that its store has, and skopeo copies none that its target has. So the target is a
folder in which each blob that containerd has is a hollow file, and the archive leaves those out. A
change of our code then takes seconds.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from devcluster.buildah import Buildah
from devcluster.layout import DevClusterError, Layout
from devcluster.progress import call

_BLOBS = Path("blobs") / "sha256"


def load(layout: Layout, builder: Buildah, image: str) -> None:
    """Bring one image from buildah's store into containerd's."""
    with tempfile.TemporaryDirectory(dir=builder.temporary) as work:
        pretend(layout, Path(work) / _BLOBS)
        source = (
            f"containers-storage:[overlay@{builder.folder}/storage+{builder.folder}/run]{image}"
        )
        # Uncompressed: both ends are on this disk, and compressing 6 GB takes a minute and a half.
        flags = ["--quiet", "--dest-oci-accept-uncompressed-layers"]
        call(["skopeo", "copy", *flags, source, f"oci:{work}:{image}"], env=builder.environment())
        _import(layout, Path(work))


def pretend(layout: Layout, folder: Path) -> None:
    """Make a file of the right size without content for each blob that containerd has."""
    folder.mkdir(parents=True)
    store = layout.containerd_root / "io.containerd.content.v1.content" / _BLOBS
    for blob in store.glob("*"):
        hollow = folder / blob.name
        hollow.touch()
        os.truncate(hollow, blob.stat().st_size)


def _import(layout: Layout, folder: Path) -> None:
    """Stream what was really copied into `ctr`, so that no archive is written."""
    store = ["--address", str(layout.containerd_socket), "--namespace", "k8s.io"]
    ctr = subprocess.Popen(
        ["ctr", *store, "images", "import", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert ctr.stdin
    with contextlib.suppress(BrokenPipeError):  # it ended early, and says why
        _write(folder, ctr.stdin)
    _, said = ctr.communicate()
    if ctr.returncode:
        raise DevClusterError(f"loading the image failed: {said.decode().strip()}")


def _write(folder: Path, out: IO[bytes]) -> None:
    with tarfile.open(fileobj=out, mode="w|", bufsize=1 << 20) as tar:
        for path in (folder / "oci-layout", folder / "index.json", *copied(folder)):
            tar.add(path, path.relative_to(folder))


def copied(folder: Path) -> list[Path]:
    """The blobs that were written: a pretended one has a size and no block on the disk."""
    return [blob for blob in (folder / _BLOBS).iterdir() if blob.stat().st_blocks]
