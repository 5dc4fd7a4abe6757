"""Programs that no Debian package has: Go modules at pinned versions, built and cached by content.

The key of a build is the hash of all that shapes it, save the Go toolchain: any that is new enough
makes a program that does the same. Each build is renamed into place when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.golang import find_go
from devcluster.layout import DevClusterError
from devcluster.progress import exclusive, step

KUBERNETES = "v1.34.4"  # the last minor release that still takes cgroup v1 and containerd 1.6
SOURCES = Path(__file__).parent / "kubernetes"
_MINOR = KUBERNETES.split(".")[1]
_VERSION = "k8s.io/component-base/version"
_STAMP = {
    f"{_VERSION}.gitVersion": KUBERNETES,
    f"{_VERSION}.gitMajor": "1",
    f"{_VERSION}.gitMinor": _MINOR,
}
# The cluster that `helm template` and `helm lint` assume, since they ask none: a helm whose linker
# is told nothing assumes 1.20, and refuses our chart.
_ASSUMED = {
    f"helm.sh/helm/v3/pkg/{package}.k8sVersion{part}": number
    for package in ("chartutil", "lint/rules")
    for part, number in (("Major", "1"), ("Minor", _MINOR))
}


@dataclass(frozen=True)
class Tool:
    """One program: a package of our own Go module (`.` or `./pause`), or of a published one."""

    name: str
    package: str
    version: str
    minutes: float  # what a cold build took on 2 cores, so that the user knows what to expect
    links: tuple[str, ...] = ()  # further names of the same file
    stamp: Mapping[str, str] | None = None  # Go variable, with its package -> what the linker sets

    @property
    def ldflags(self) -> str:
        """Without symbol tables: a third smaller."""
        stamps = (f"-X {k}={v}" for k, v in (self.stamp or {}).items())
        return " ".join(("-s -w", *stamps))

    @property
    def is_ours(self) -> bool:
        """True when the source is in this repository."""
        return self.package.startswith(".")


TOOLS = (
    Tool(
        "kubernetes",
        ".",
        KUBERNETES,
        5,
        links=(
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubectl",
            "kubelet",
        ),
        stamp=_STAMP,
    ),
    Tool("pause", "./pause", "1", 0.1),
    Tool("helm", "helm.sh/helm/v3/cmd/helm", "v3.22.0", 1.6, stamp=_ASSUMED),
    Tool("coredns", "github.com/coredns/coredns", "v1.12.4", 1.9),
    # MinIO publishes no semantic versions any more: the newest commits, by their pseudo-versions.
    Tool("minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c", 2.4),
    Tool("mc", "github.com/minio/mc", "v0.0.0-20250313080218-cf909e1063a9", 0.5),
)


def key(tool: Tool, sources: Path = SOURCES) -> str:
    """The content key of one build."""
    digest = hashlib.sha256(repr((tool.package, tool.version, tool.ldflags)).encode())
    if tool.is_ours:
        for path in sorted(p for p in sources.rglob("*") if p.suffix in (".go", ".mod", ".sum")):
            digest.update(f"\0{path.relative_to(sources)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def path(cache: Path, tool: Tool) -> Path:
    """Where the built program lies, whether or not it is there yet."""
    return cache / "tools" / f"{tool.name}-{key(tool)}" / tool.name


def bin_dir(cache: Path) -> Path:
    """The folder for PATH: one for each set of builds."""
    names = "".join(f"{tool.name}-{key(tool)}" for tool in TOOLS)
    return cache / "bin" / hashlib.sha256(names.encode()).hexdigest()[:16]


def ensure(cache: Path) -> Path:
    """Build what is missing and return the folder for PATH."""
    folder = bin_dir(cache)
    if folder.exists():
        return folder
    with exclusive(cache / "build.lock", "building the programs"):
        for unfinished in (cache / "tools").glob(".building-*"):
            shutil.rmtree(unfinished)
        for tool in TOOLS:
            if not path(cache, tool).exists():
                _build(cache, tool)
        _link(cache, folder)
        _forget_sources(cache)
    return folder


def _build(cache: Path, tool: Tool) -> None:
    """Build one tool in a folder beside its place, then rename."""
    target = path(cache, tool).parent
    target.parent.mkdir(parents=True, exist_ok=True)
    about = f"about {tool.minutes:g} min on 2 cores"
    with (
        step(f"build {tool.name} {tool.version} ({about})"),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as work,
    ):
        _go_build(cache, tool, Path(work))
        shutil.rmtree(target, ignore_errors=True)
        Path(work).chmod(0o755)
        shutil.copytree(work, target)


def _go_build(cache: Path, tool: Tool, out: Path) -> None:
    """`go build` for our module, `go install` for a published one."""
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", tool.ldflags]
    if tool.is_ours:
        command = ["build", *flags, "-o", str(out / tool.name), tool.package]
    else:
        command = ["install", *flags, f"{tool.package}@{tool.version}"]
    go = cache / "go"
    env = {"CGO_ENABLED": "0", "GOFLAGS": "-modcacherw", "GOBIN": str(out)}
    env |= {"GOPATH": str(go), "GOMODCACHE": str(go / "mod"), "GOCACHE": str(go / "build")}
    done = subprocess.run(
        [find_go(cache), *command],
        cwd=SOURCES,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise DevClusterError(f"building {tool.name} failed: {done.stderr[-3000:]}")


def _link(cache: Path, folder: Path) -> None:
    """The folder for PATH, as relative links, renamed into place when it is whole."""
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for tool in TOOLS:
        program = os.path.relpath(path(cache, tool), part)
        for name in (tool.name, *tool.links):
            (part / name).symlink_to(program)
    part.rename(folder)


def _forget_sources(cache: Path) -> None:
    """Modules and objects are 5 GB, and are wanted again only when a pinned version moves."""
    shutil.rmtree(cache / "go", ignore_errors=True)
