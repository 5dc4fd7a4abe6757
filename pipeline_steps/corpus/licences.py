"""Which licence a file is under, found from texts, and from a package's metadata only when asked.

What speaks for a file, the first that says anything: its own head; the side file `<name>.license`;
REUSE.toml; then, folder by folder up the tree, licence texts, a LICENSES folder, a README's section
"License"; last, where the spec allows it, metadata. Several licences in one place are read as all
of them at once (`AND`), the careful reading. A licence file in no known words counts as none.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal

from oremill.specs.corpus import Licences
from pipeline_steps.corpus import hints, notices, spdx

Source = Literal["", "head", "side-file", "reuse", "text", "readme", "metadata", "repository"]

Mode = Literal["file", "repository"]

NAMES = re.compile(r"^(licen[cs]es?|copying|unlicen[cs]e|copyright|mit|notice)([-_. ].*)?$", re.I)
SIDE = ".license"  # ending of the file that speaks for the one beside it (reuse.software)
FOLDER = "LICENSES"  # of REUSE: texts that are named by their identifiers


@dataclass(frozen=True)
class Licence:
    """A licence and what said so."""

    expression: str = ""  # SPDX
    source: Source = ""


NONE = Licence()


def refusal(licence: Licence, rules: Licences) -> str:
    """Return the reason why a file under a licence is left out, or ""."""
    if not licence.expression:
        return "no-licence" if rules.unlicensed == "drop" else ""
    if rules.preset == "all" and not rules.allow:
        return ""
    return "" if spdx.is_allowed(licence.expression, spdx.allowed(rules)) else "not-allowed"


def is_licence_file(path: str) -> bool:
    """Return whether a file's name says that it holds a licence."""
    return NAMES.match(path.rpartition("/")[2]) is not None


@lru_cache(maxsize=4096)
def _with_parents(folder: str) -> tuple[str, ...]:
    place = PurePosixPath(folder)
    return tuple(map(str, (place, *place.parents)))


class Tree:
    """The licences of one repository."""

    def __init__(self, texts: Mapping[str, str], metadata: bool = False) -> None:
        """Read what speaks for folders.

        Args:
            texts: path -> text of every file.
            metadata: believe package metadata where nothing else speaks.
        """
        self._texts = texts
        self._metadata = metadata
        self._annotated = list(_annotations(texts.get("REUSE.toml", "")))

    def licence(self, path: str) -> Licence:
        """Return the licence of a file; NONE when nothing covers it."""
        found = self._speaks_itself(path)
        if found.expression:
            return found
        for folders in self._folders:
            for folder in _with_parents(path.rpartition("/")[0]):
                if folder in folders:
                    return folders[folder]
        return NONE

    def ruling(self, path: str, mode: Mode) -> Licence:
        """Return the licence by which a file is judged."""
        return self.licence(path) if mode == "file" else self.strictest

    @cached_property
    def strictest(self) -> Licence:
        """All licences of the repository at once, which rule its files in the mode repository."""
        every = {self.licence(path).expression for path, text in self._texts.items() if text}
        found = spdx.both(every - {""})
        return Licence(found, "repository") if found else NONE

    def _speaks_itself(self, path: str) -> Licence:
        own = "" if is_licence_file(path) else notices.own_licence(self._texts.get(path, ""))
        side = notices.tagged(self._texts.get(path + SIDE, ""))
        reuse = [said for pattern, said in self._annotated if pattern.fullmatch(path)]
        for expression, source in ((own, "head"), (side, "side-file"), (reuse[-1:], "reuse")):
            if expression:
                return Licence("".join(expression), source)  # type: ignore[arg-type]
        return NONE

    @cached_property
    def _folders(self) -> list[dict[str, Licence]]:
        """Return what speaks for folders: texts and READMEs, then metadata if it is believed."""
        stated = _by_folder(self._texts, _stated)
        files = {folder: _joined(found, ("text", "reuse", "readme")) for folder, found in stated}
        hinted = _by_folder(self._texts, _hinted) if self._metadata else []
        said = {folder: _joined(found, ("metadata",)) for folder, found in hinted}
        return [files, said] if self._metadata else [files]


Said = tuple[str, Source, str]  # folder, what kind of file says it, SPDX expression


def _by_folder(texts: Mapping[str, str], read: Any) -> list[tuple[str, list[Said]]]:
    folders: dict[str, list[Said]] = {}
    for path in texts:
        said: Said | None = read(path, texts)
        if said is not None and said[2]:
            folders.setdefault(said[0], []).append(said)
    return list(folders.items())


def _stated(path: str, texts: Mapping[str, str]) -> Said | None:
    """Return what a licence text, a text of LICENSES, or a README says of its folder."""
    if not (is_licence_file(path) or notices.is_readme(path) or f"{FOLDER}/" in path):
        return None
    place = PurePosixPath(path)
    if place.parent.name == FOLDER:
        named = spdx.canonical(place.stem) if spdx.is_licence(place.stem) else ""
        return str(place.parent.parent), "reuse", named or notices.licence_file(texts[path])
    if is_licence_file(path) and place.suffix != SIDE:
        return str(place.parent), "text", notices.licence_file(texts[path])
    if notices.is_readme(path):
        return str(place.parent), "readme", notices.readme_section(texts[path])
    return None


def _hinted(path: str, texts: Mapping[str, str]) -> Said | None:
    return str(PurePosixPath(path).parent), "metadata", hints.metadata(path, texts[path])


def _joined(said: list[Said], order: tuple[Source, ...]) -> Licence:
    """Return all that the first kind of source in `order` says; a later kind is only a fallback."""
    for source in order:
        found = [expression for _, kind, expression in said if kind == source]
        if found:
            return Licence(spdx.both(found), source)
    return NONE


def _annotations(reuse: str) -> Iterator[tuple[re.Pattern[str], str]]:
    """Yield path pattern and expression of each annotation of a REUSE.toml (specification 3.3)."""
    try:
        tables = tomllib.loads(reuse).get("annotations", [])
    except tomllib.TOMLDecodeError:
        return
    for table in tables if isinstance(tables, list) else []:
        said = table.get("SPDX-License-Identifier", ())
        paths = table.get("path", ())
        expression = spdx.both([said] if isinstance(said, str) else map(str, said))
        for glob in [paths] if isinstance(paths, str) else paths:
            if expression:
                yield _glob(str(glob)), expression


def _glob(pattern: str) -> re.Pattern[str]:
    """Return a pattern in which `*` stays in a folder and `**` does not."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]*"}.get(p, re.escape(p)) for p in parts), re.S)
