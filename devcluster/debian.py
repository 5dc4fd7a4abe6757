"""The Debian packages that the cluster stands on: installed when missing, never started."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devcluster.layout import DevClusterError
from devcluster.progress import call, say, step

PACKAGES = (
    "buildah",  # builds images
    "ca-certificates",  # Go modules and wheels come over TLS
    "conntrack",  # kube-proxy clears stale UDP flows with it
    "containerd",
    "containernetworking-plugins",
    "etcd-server",
    "iproute2",
    "iptables",
    "mmdebstrap",  # makes the images' base
    "openssl",
    "prometheus",
    "runc",
    "skopeo",  # brings images into containerd's store
)
SERVICES = ("containerd", "etcd", "prometheus")  # what these packages would start at each boot
_POLICY = Path("/usr/sbin/policy-rc.d")
_LISTS = Path("/var/lib/apt/lists")


def install_missing(packages: tuple[str, ...] = PACKAGES) -> None:
    """Install those of `packages` that are not there."""
    if not shutil.which("dpkg-query"):
        raise DevClusterError("the dev cluster needs Debian 12 or newer (dpkg-query was not found)")
    missing = [p for p in packages if p not in _installed()]
    if not missing:
        return
    if os.geteuid() != 0:
        raise DevClusterError(f"only root can install the Debian packages {' '.join(missing)}")
    with _no_services_started():
        if not list(_LISTS.glob("*_Packages*")):
            with step("apt-get update"):
                _apt("update")
        with step(f"install Debian packages: {' '.join(missing)} (about a minute)"):
            _install(missing)
    _disable([s for s in SERVICES if f"{s}-server" in missing or s in missing])


def _installed() -> set[str]:
    wanted = "-f=${db:Status-Abbrev}${Package}\n"
    listed = call(["dpkg-query", "-W", wanted]).splitlines()
    return {line[3:].strip() for line in listed if line.startswith("ii")}


def _install(packages: list[str]) -> None:
    """Old lists name packages that the mirror has dropped: on failure, update and try once more."""
    try:
        _apt("install", *packages)
    except DevClusterError:
        say("    not all could be fetched; updating the package lists and trying again")
        _apt("update")
        _apt("install", *packages)


def _apt(verb: str, *words: str) -> None:
    """Run apt-get with no questions; raises with the end of its output."""
    wait = "-oDPkg::Lock::Timeout=600"  # seconds; somebody else may be installing
    argv = ["apt-get", "-qq", "-y", "--no-install-recommends", wait, verb, *words]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, capture_output=True, text=True, env=env)
    if done.returncode:
        raise DevClusterError(f"apt-get {verb} failed: {(done.stdout + done.stderr)[-2000:]}")


@contextlib.contextmanager
def _no_services_started() -> Iterator[None]:
    """Debian asks /usr/sbin/policy-rc.d whether a package may start its service; 101 says no."""
    if _POLICY.exists():  # the machine has a policy of its own, as container images do
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _disable(services: list[str]) -> None:
    """Keep what we have just installed from starting at the next boot and taking our ports."""
    if services and shutil.which("systemctl"):
        subprocess.run(["systemctl", "--quiet", "disable", *services], capture_output=True)
