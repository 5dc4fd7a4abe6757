"""The images of images/: built when their content changed, and brought to the cluster's nodes.

    python -m devcluster.images [--registry HOST/PATH] [NAME]...

A tag is the hash of what an image is made from: the Dockerfile, and the files that it names. So an
image that is there is never built or loaded again, and no pod runs an older one than it asks for.
A registry gets each image under the chart's appVersion too: by that tag the chart asks for them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from devcluster import debian, image_store, skopeo, tools
from devcluster.buildah import BASE, Buildah
from devcluster.cluster import here
from devcluster.layout import DevClusterError, Layout
from devcluster.progress import call, exclusive, say, step

ROOT = Path(__file__).resolve().parents[1]
LOCAL = "oremill.dev"  # in front of the names on the dev cluster, which pulls from nowhere
# name -> minutes that a cold build took on 2 cores, so that the user knows what to expect
MINUTES = {"sandbox": 0.3, "minio": 0.1, "operator": 0.5, "data": 0.7, "train": 4.0}
FROM_PACKAGES = ("sandbox", "operator", "data", "train")  # all but MinIO, which needs our programs
# The train image at its largest: built, copied, stored, unpacked, 6 GB each.
ROOM = 26 * 10**9
_LOOPBACK = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:\d+)?/")
CHART = ROOT / "helm" / "oremill" / "Chart.yaml"
_COPIED = re.compile(r"^COPY (?:--\S+ )*(.+) \S+$", re.MULTILINE)


def main() -> int:
    """Build what is missing; print a name and a reference for each image."""
    parser = argparse.ArgumentParser(prog="python -m devcluster.images", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*MINUTES, []], help="default: all")
    parser.add_argument("--registry", help="push there, instead of loading into the dev cluster")
    arguments = parser.parse_args()
    try:
        layout = here()
        references = ensure(layout, arguments.name or tuple(MINUTES), arguments.registry)
        if arguments.registry:
            release(Buildah(layout.cache / "images"), references)
    except DevClusterError as error:
        say(f"error: {error}")
        return 1
    print("\n".join(references.values()))
    return 0


def ensure(
    layout: Layout, names: Sequence[str] = tuple(MINUTES), registry: str | None = None
) -> dict[str, str]:
    """Build the images that are missing and push them, or load them where a dev cluster runs."""
    references = build(layout, names, registry)
    builder = Buildah(layout.cache / "images")
    with exclusive(layout.cache / "images.lock", "building the images"):
        if registry:
            push(builder, list(references.values()))
        elif layout.containerd_socket.exists():
            load(layout, builder, list(references.values()))
    return references


def build(
    layout: Layout, names: Sequence[str] = tuple(MINUTES), registry: str | None = None
) -> dict[str, str]:
    """Build the images that are missing; return name -> reference."""
    debian.install_missing()
    builder = Buildah(layout.cache / "images")
    references = {name: reference(name, registry) for name in names}
    with exclusive(layout.cache / "images.lock", "building the images"):
        builder.run("rm", "--all")  # what an interrupted build left
        for name, image in references.items():
            _build(layout, builder, name, image)
        _forget_older(builder, references)
    return references


def push(builder: Buildah, images: Sequence[str]) -> None:
    """Push to the registry in the images' names, which skips the layers that it has."""
    for image in images:
        with step(f"push {image}"):
            _push(builder, image, image)


def release(builder: Buildah, references: Mapping[str, str]) -> None:
    """Name what was pushed as the chart does by itself; only the name travels."""
    for image in references.values():
        with step(f"push {released(image)}"):
            _push(builder, image, released(image))


def _push(builder: Buildah, image: str, name: str) -> None:
    """Every registry has TLS but one on this machine, as Docker and containerd see it too."""
    tls = "false" if _LOOPBACK.match(name) else "true"
    builder.run("push", "--quiet", f"--tls-verify={tls}", image, f"docker://{name}")


def released(image: str) -> str:
    """The same image under the chart's appVersion."""
    found = re.search(r"^appVersion: *(\S+)$", CHART.read_text(), re.MULTILINE)
    if found is None:
        raise DevClusterError(f"{CHART} has no appVersion")
    return f"{image.rpartition(':')[0]}:{found[1]}"


def load(layout: Layout, builder: Buildah, images: Sequence[str]) -> None:
    """Import what the cluster's store lacks: only layers that it has not seen are copied."""
    there = image_store.stored(layout)
    missing = [image for image in images if image not in there]
    if missing and _free(layout) < ROOM:
        forget_unused(layout, there)
    for image in missing:
        with step(f"load {image}"):
            skopeo.load(layout, builder, image)


def forget_unused(layout: Layout, there: Iterable[str]) -> None:
    """Remove our images that nothing in the cluster names: no pod, and no operator's settings."""
    kubectl = (tools.bin_dir(layout.cache) / "kubectl", "--kubeconfig", layout.kubeconfig)
    named = call([*kubectl, "get", "pods,configmaps", "--all-namespaces", "--output=json"])
    for image in there:
        if image.startswith(f"{LOCAL}/oremill-") and image not in named:
            image_store.ctr(layout, "images", "remove", image)


def _free(layout: Layout) -> int:
    return shutil.disk_usage(layout.cache).free


def reference(name: str, registry: str | None = None) -> str:
    """`<registry>/oremill-<name>:<12 digits of the hash of its content>`."""
    return f"{registry or LOCAL}/oremill-{name}:{key(name)[:12]}"


def key(name: str, root: Path = ROOT) -> str:
    """The hash of all that shapes an image."""
    dockerfile = (root / "images" / name / "Dockerfile").read_text()
    digest = hashlib.sha256(dockerfile.encode())
    if name == "minio":  # two programs, which have a key already
        return hashlib.sha256((dockerfile + _programs()).encode()).hexdigest()
    for path in sources(dockerfile, root):
        digest.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def sources(dockerfile: str, root: Path) -> Iterator[Path]:
    """Every file that a Dockerfile copies from its context, in a fixed order."""
    words = " ".join(_COPIED.findall(dockerfile)).split()
    for word in sorted(words):
        path = root / word
        if path.is_file():
            yield path
        elif path.is_dir():
            files = (p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
            yield from sorted(files)
        else:
            raise DevClusterError(f"a Dockerfile of images/ copies {word}, which is not there")


def _programs() -> str:
    return " ".join(f"{t.name}-{tools.key(t)}" for t in tools.TOOLS if t.name in ("minio", "mc"))


def _build(layout: Layout, builder: Buildah, name: str, image: str) -> None:
    if builder.has(image):
        return
    if not builder.has(BASE):
        with step("make the base image from Debian's packages (half a minute)"):
            builder.make_base()
    if name == "train" and _free(layout) < ROOM // 2:
        raise DevClusterError(
            f"the disk of {layout.cache} has {_free(layout) / 1e9:.0f} GB left, and the images want"
            f" {ROOM / 1e9:.0f}; OREMILL_CACHE may name a folder on another disk"
        )
    dockerfile = ROOT / "images" / name / "Dockerfile"
    log = layout.logs / f"image-{name}.log"
    about = f"up to {MINUTES[name]:g} min on 2 cores"
    with (
        step(f"build {image} ({about}; log: {log})"),
        tempfile.TemporaryDirectory(dir=builder.temporary) as work,
    ):
        context = _minio_context(layout, Path(work)) if name == "minio" else ROOT
        builder.build(dockerfile, context, image, log)


def _minio_context(layout: Layout, folder: Path) -> Path:
    """A folder with the two programs: a build may not follow links out of its context."""
    programs = tools.ensure(layout.cache)
    for program in ("minio", "mc"):
        os.link((programs / program).resolve(), folder / program)
    return folder


def _forget_older(builder: Buildah, current: Mapping[str, str]) -> None:
    """Remove the builds that these ones replace; layers that are still used stay."""
    for image in builder.images():
        repository = image.rpartition(":")[0]
        if image not in current.values() and repository in _repositories(current):
            builder.run("rmi", image)


def _repositories(references: Mapping[str, str]) -> set[str]:
    return {reference.rpartition(":")[0] for reference in references.values()}


if __name__ == "__main__":
    sys.exit(main())
