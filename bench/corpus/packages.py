"""Real sources to measure on: the pinned packages of inputs.toml, fetched once into the cache."""

import gzip
import io
import json
import os
import shutil
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from devcluster import environment
from devcluster.demo import registries
from devcluster.golang import find_go
from devcluster.layout import DevClusterError
from devcluster.progress import call, exclusive, step

PINS = Path(__file__).with_name("inputs.toml")
MAX_FILE = 1_000_000  # bytes: a larger file is no source
_END = {"npm": ".tgz", "crates": ".crate", "wheels": ".whl", "go": ".zip"}


@dataclass(frozen=True)
class Package:
    """An archive of a registry, pinned."""

    registry: str  # wheels (of PyPI, which needs no build to be fetched), go, npm or crates
    name: str
    version: str
    sha256: str

    @property
    def repository(self) -> str:
        """What the package is called in the corpus."""
        return f"{self.registry}/{self.name}-{self.version}"

    @property
    def file(self) -> str:
        """The archive's name in the cache."""
        return self.repository.replace("/", "-") + _END[self.registry]


def pinned() -> list[Package]:
    """Return the packages of inputs.toml."""
    return [Package(**entry) for entry in tomllib.loads(PINS.read_text())["package"]]


def ensure(cache: Path) -> list[tuple[Package, Path]]:
    """Return every package with its archive. Raises DevClusterError when one is not the pinned."""
    folder = cache / "bench" / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    found = [(package, folder / package.file) for package in pinned()]
    with exclusive(folder / "lock", "fetching packages"):
        if missing := [package for package, path in found if not path.exists()]:
            with (
                step(f"fetch {len(missing)} packages from their registries"),
                tempfile.TemporaryDirectory(dir=folder) as work,
            ):
                _fetch(cache, missing, folder, Path(work))
    return found


def _fetch(cache: Path, packages: Sequence[Package], folder: Path, work: Path) -> None:
    known = [_known(package) for package in packages if package.registry in ("npm", "crates")]
    registries.fetch(cache, known, work)
    for package in packages:
        path = _fetched(cache, package, work)
        found = sha256(path.read_bytes()).hexdigest()
        if found != package.sha256:
            raise DevClusterError(
                f"{package.registry} gave {package.name} with SHA-256 {found}; {PINS.name} has"
                f" {package.sha256}"
            )
        shutil.move(path, folder / package.file)


def _known(package: Package) -> registries.Package:
    return registries.Package(package.registry, package.name, package.version, package.sha256)


def _fetched(cache: Path, package: Package, work: Path) -> Path:
    """Return a package's archive below `work`; what `registries` knows is there already."""
    if package.registry in ("npm", "crates"):
        return work / _known(package).file
    own = work / package.sha256
    if package.registry == "wheels":
        pin = f"{package.name}=={package.version}"
        flags = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(own)]
        call([environment.tools(cache) / "pip", "download", *flags, pin])
        return next(own.glob("*.whl"))
    env = {**os.environ, "GOPATH": str(own), "GOMODCACHE": str(own), "GOFLAGS": "-modcacherw"}
    module = f"{package.name}@{package.version}"
    return Path(
        json.loads(call([find_go(cache), "mod", "download", "-json", module], env=env))["Zip"]
    )


def texts(package: Package, archive: Path) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file that is a text of at most MAX_FILE bytes, by path."""
    read = _zipped if archive.suffix in (".zip", ".whl") else _tarred
    for path, content in read(archive):
        text = _text(content)
        if text:
            yield path, text


def _text(content: bytes) -> str:
    """Return a text, "" where it is none."""
    if b"\0" in content:
        return ""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return ""
    return text if text.strip() else ""


def _tarred(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The first folder of these archives is the package itself."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive.read_bytes()))) as tar:
        files = [one for one in tar.getmembers() if one.isfile() and one.size <= MAX_FILE]
        for member in sorted(files, key=lambda one: one.name):
            file = tar.extractfile(member)
            yield member.name.partition("/")[2], file.read() if file else b""


def _zipped(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The paths of a Go module's archive begin with its name and version."""
    with zipfile.ZipFile(archive) as zipped:
        files = [one for one in zipped.infolist() if not one.is_dir() and one.file_size <= MAX_FILE]
        for entry in sorted(files, key=lambda one: one.filename):
            within = entry.filename.partition("@")[2].partition("/")[2]
            yield within if archive.suffix == ".zip" else entry.filename, zipped.read(entry)
