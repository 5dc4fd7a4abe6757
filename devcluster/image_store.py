"""containerd's store, through `ctr`: load an archive, forget the containers of a past life."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

from devcluster.layout import DevClusterError, Layout
from devcluster.progress import call, step

# The kubelet completes a name without a domain to one of a public registry, and misses ours.
FULL_NAME = re.compile(r"[^/\s]*[.:][^/\s]*/[^\s@]+:[^\s/:@]+|localhost/[^\s@]+:[^\s/:@]+")


def ctr(layout: Layout, *words: str | Path) -> str:
    """Run ctr in the kubelet's namespace."""
    return call(["ctr", "--address", layout.containerd_socket, "--namespace", "k8s.io", *words])


def load(layout: Layout, archive: Path) -> list[str]:
    """Import the images of an OCI or Docker archive, if need be, and return their names.

    A Docker archive is imported each time: it does not say which digest it will have.
    """
    wanted = images_in(archive)
    if (
        any(digest is None for digest in wanted.values())
        or not wanted.items() <= stored(layout).items()
    ):
        megabytes = archive.stat().st_size / 1e6
        with step(f"load {', '.join(wanted)} ({megabytes:.0f} MB)"):
            ctr(layout, "images", "import", archive)
    return list(wanted)


def stored(layout: Layout) -> dict[str, str | None]:
    """The names in the store with the digest that each has."""
    lines = ctr(layout, "images", "list").splitlines()[1:]
    return {name: digest for name, _, digest, *_ in (line.split() for line in lines)}


def images_in(archive: Path) -> dict[str, str | None]:
    """The names in an archive with their digests (None where it is Docker's).

    Raises DevClusterError for an archive that names no image, or one that pods could not ask for.
    """
    try:
        with tarfile.open(archive) as tar:
            found = _oci(tar) or _docker(tar)
    except (tarfile.TarError, OSError, KeyError) as error:
        raise DevClusterError(f"{archive} is no OCI or Docker archive: {error}") from error
    if not found:
        raise DevClusterError(f"{archive} names no image")
    for name in found:
        if not FULL_NAME.fullmatch(name):
            raise DevClusterError(
                f"{archive} names its image {name!r}; a pod finds it only by a name with a domain"
                " and a tag, for example oremill.dev/train:1"
            )
    return found


def _oci(tar: tarfile.TarFile) -> dict[str, str | None]:
    annotations = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    found: dict[str, str | None] = {}
    for manifest in _read(tar, "index.json").get("manifests", []):
        notes = manifest.get("annotations", {})
        found |= {notes[key]: manifest["digest"] for key in annotations if key in notes}
    return found


def _docker(tar: tarfile.TarFile) -> dict[str, str | None]:
    return {name: None for image in _read(tar, "manifest.json") for name in image["RepoTags"]}


def _read(tar: tarfile.TarFile, name: str) -> Any:
    if name not in tar.getnames():
        return {}
    member = tar.extractfile(name)
    return json.load(member) if member else {}


def forget_containers(layout: Layout) -> None:
    """Drop the records of containers and their writable layers; the images stay."""
    if containers := ctr(layout, "containers", "list", "--quiet").split():
        ctr(layout, "containers", "delete", *containers)
