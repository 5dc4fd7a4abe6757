"""The files of a repository, and what names mean among them as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline_steps.corpus.imports import Links
from pipeline_steps.corpus.places import Places, ancestors, folder

PYTHON_ENDS = (".py", "/__init__.py", ".pyi", "/__init__.pyi", ".pyx")
SOURCE_FOLDERS = ("", "src/", "lib/")  # of a project, in which its own names begin


@dataclass(frozen=True)
class File:
    """A file of a repository."""

    path: str
    language: str = ""  # linguist's name
    links: Links = field(default=Links())
    size: int = 0  # bytes


class Repository:
    """Files in the order of their paths, and what names mean among them."""

    def __init__(self, files: Sequence[File]) -> None:
        self.files = files
        self.places = Places([file.path for file in files])
        self.homes: dict[tuple[str, str], str] = {}  # (manifest, name it gives) → its folder
        self.groups: dict[tuple[str, str], int] = {}  # (language, package) → node
        self.members: list[set[int]] = []  # of each group
        self.modules = _modules(self.places.at)
        self._roots: dict[str, tuple[str, ...]] = {}
        for number, file in enumerate(files):
            for name in _packages(file):
                self._join((file.language, name), number)
            if file.language != "C#":
                manifest = file.path.rpartition("/")[2]
                for name in file.links.gives:
                    self.homes.setdefault((manifest, name), folder(file.path))

    def _join(self, group: tuple[str, str], number: int) -> None:
        node = self.groups.setdefault(group, len(self.files) + len(self.groups))
        if node == len(self.files) + len(self.members):
            self.members.append(set())
        self.members[node - len(self.files)].add(number)

    def python_roots(self, base: str) -> tuple[str, ...]:
        """Return the folders above a folder in which absolute names begin: no packages."""
        if base not in self._roots:
            self._roots[base] = tuple(
                f"{above}/{source}".strip("/")
                for above in ancestors(base)
                for source in SOURCE_FOLDERS
                if not above or f"{above}/__init__.py" not in self.places.at
            )
        return self._roots[base]

    def is_part(self, number: int, node: int) -> bool:
        """Return whether a node is a file itself, or a package that the file is part of."""
        inside = node - len(self.files)
        return number == node or (inside >= 0 and number in self.members[inside])


def _modules(at: Mapping[str, int]) -> dict[str, int]:
    """Return Python's modules by path without an end; of two with one name the earlier end's."""
    return {
        f"/{path}".removesuffix(end).lstrip("/"): number
        for end in reversed(PYTHON_ENDS)
        for path, number in at.items()
        if f"/{path}".endswith(end)
    }


def _packages(file: File) -> tuple[str, ...]:
    """Return the packages that a file is part of."""
    if file.language == "C#":
        return file.links.gives
    if file.language == "Java" or (file.language == "Go" and not file.path.endswith("_test.go")):
        return (folder(file.path),)
    return ()
