"""What owners of code asked to leave out, which counts before anything else does.

Entries are patterns as in .gitignore (`*` and `?` stop at a slash, `**` does not), but for `!`,
which nobody can mean here. A doubt is decided for the owner:

- Case does not count: GitHub's names have none, nor have many of the file systems archives are of.
- A repository's name is what the corpus calls it: the archive's key below the source's prefix,
  without its suffix. `owner/name` is found at any depth (host/owner/name), `owner/` and `owner`
  mean all that is below. Of a URL, what is before the owner and .git are cut off.
- `repository:path` leaves out a part of a repository; `repository` all of it.
- A line that is empty or begins with # is none.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

from oremill.specs.corpus import OptOut
from pipeline_steps.errors import UserError

_HOST = re.compile(r"^[a-z+]+://[^/]*/|^git@[^/:]+:")
_GLOB = re.compile(r"[*?\[\\]")
WHOLE = "**"  # the path of an entry that names none


@dataclass(frozen=True)
class Refused:
    """What is left out of one repository."""

    whole: bool
    parts: GitIgnoreSpec
    paths: GitIgnoreSpec

    def reason(self, path: str) -> str:
        """Return by which kind of entry a file is left out (repository, part, path), or ""."""
        if self.whole:
            return "repository"
        if self.parts.match_file(path.lower()):
            return "part"
        return "path" if self.paths.match_file(path.lower()) else ""


class OptOuts:
    """All entries; plain names are looked up, so a long list costs no more than a short one."""

    def __init__(self, rules: OptOut, listed: Iterable[str] = ()) -> None:
        """Read the patterns of a spec, and the lines of the list behind its key.

        Raises:
            UserError: an entry cannot be read; the message names it.
        """
        self._paths = _patterns("spec.optOut.paths", rules.paths)
        self._plain: dict[str, list[str]] = {}  # name → paths
        self._globs: list[tuple[GitIgnoreSpec, str]] = []
        for repository in rules.repositories:
            self._add("spec.optOut.repositories", repository)
        for number, line in enumerate(listed, 1):
            if line.strip() and not line.startswith("#"):
                self._add(f"spec.optOut.key: line {number}", line)
        self._longest = max((name.count("/") + 1 for name in self._plain), default=0)
        self._last = ("", self.of(""))

    def __bool__(self) -> bool:
        return bool(self._plain or self._globs or self._paths)

    def reason(self, repository: str, path: str) -> str:
        """Return by which kind of entry a file is left out, or ""; quick for many of one."""
        if not self:
            return ""
        if self._last[0] != repository:
            self._last = (repository, self.of(repository))
        return self._last[1].reason(path)

    def of(self, repository: str) -> Refused:
        """Return what is left out of a repository."""
        words = repository.lower().strip("/").split("/")
        runs = {
            "/".join(words[begin:end])
            for begin in range(len(words))
            for end in range(begin + 1, min(len(words), begin + self._longest) + 1)
        }
        found = [path for run in sorted(runs) for path in self._plain.get(run, ())]
        found += [path for name, path in self._globs if name.match_file("/".join(words))]
        return Refused(WHOLE in found, GitIgnoreSpec.from_lines(found), self._paths)

    def _add(self, where: str, entry: str) -> None:
        name, path = _split(entry)
        if not name:
            raise UserError(f"{where}: {entry.strip()!r} names no repository")
        _patterns(where, [path])
        if _GLOB.search(name):
            anywhere = f"**/{name}" if "/" in name else name
            self._globs.append((_patterns(where, [anywhere]), path))
        else:
            self._plain.setdefault(name, []).append(path)


def _split(entry: str) -> tuple[str, str]:
    """Return the repository's name or pattern, and the pattern of the paths in it."""
    name, colon, path = _HOST.sub("", entry.strip().lower()).partition(":")
    return name.strip("/").removesuffix(".git"), path if colon and path.strip() else WHOLE


def _patterns(where: str, patterns: Sequence[str]) -> GitIgnoreSpec:
    for pattern in patterns:
        if pattern.startswith("!"):
            raise UserError(f"{where}: {pattern!r} takes back; name what is left out alone")
    try:
        return GitIgnoreSpec.from_lines(pattern.lower() for pattern in patterns)
    except GitIgnorePatternError as error:
        raise UserError(f"{where}: {error}; give a pattern as in .gitignore") from error
