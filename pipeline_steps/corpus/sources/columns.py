"""Rows as files: which column holds what, in the tables that the field publishes.

A row is a file, or a repository with a list of files. In the second, what a file does not say is
taken from its row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oremill.specs.corpus import HuggingFace, Rows
from pipeline_steps.corpus import languages
from pipeline_steps.corpus.sources import members
from pipeline_steps.corpus.sources.members import Member, dropped
from pipeline_steps.errors import UserError

# By the data sets' cards: bigcode/the-stack, bigcode/the-stack-v2, HuggingFaceCode/stack-v3-train.
PRESETS: dict[str, dict[str, str]] = {
    "plain": {
        "content": "content",
        "path": "path",
        "repository": "repository",
        "language": "language",
        "licence": "licence",
    },
    "the-stack": {
        "content": "content",
        "path": "max_stars_repo_path",
        "repository": "max_stars_repo_name",
        "language": "lang",
        "licence": "max_stars_repo_licenses",
        "revision": "max_stars_repo_head_hexsha",
    },
    "the-stack-v2": {
        "content": "content",
        "path": "path",
        "repository": "repo_name",
        "language": "language",
        "licence": "detected_licenses",
        "revision": "revision_id",
        "encoding": "src_encoding",
        "blob": "blob_id",
    },
    "the-stack-v3": {
        "content": "content",
        "path": "file_path",
        "repository": "repo_path",
        "language": "language",
        "licence": "detected_licenses",
        "revision": "commit_id",
        "files": "files",
    },
}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Columns:
    """Names of columns; "" for none."""

    where: str  # field of the spec, for messages
    content: str = ""
    path: str = ""
    repository: str = ""
    language: str = ""
    licence: str = ""
    revision: str = ""
    encoding: str = ""
    blob: str = ""
    files: str = ""

    @classmethod
    def of(cls, rows: Rows | HuggingFace, where: str) -> "Columns":
        """Return what a source's preset says, and its own columns over it."""
        return cls(where, **PRESETS[rows.preset] | rows.columns.model_dump(exclude_none=True))

    @property
    def named(self) -> set[str]:
        """Every column that is looked at."""
        return {name for key, name in vars(self).items() if key != "where" and name}

    def check(self, there: set[str], needed: str, key: str) -> None:
        """Refuse a table that lacks the column without which there is no file.

        Raises:
            UserError: names the field, the table, the column, and the columns that are there.
        """
        wanted = getattr(self, needed)
        if wanted not in there:
            raise UserError(
                f"{self.where}.columns.{needed}: there is no column {wanted!r} in {key}; there "
                f"are: {', '.join(sorted(there)) or 'none'}"
            )

    def each(self, row: Row) -> Iterator[Row]:
        """Yield the files of a row; of a row that is a file, itself."""
        listed = row.get(self.files) if self.files else None
        if not isinstance(listed, list):
            yield row
        else:
            rest = {key: value for key, value in row.items() if key != self.files}
            yield from (rest | (file if isinstance(file, dict) else {}) for file in listed)

    def member(self, row: Row, number: str, limit: int, prose: bool) -> Member:
        """Return the file of a row.

        Args:
            row: with its content, a text or bytes.
            number: path of a row that has none.
            limit: bytes of a text.
            prose: the language of what has no path and no language is text.
        """
        path, content = self.place(row, number), row.get(self.content)
        if isinstance(content, str):
            size = len(content.encode("utf-8", "surrogatepass"))
            found = (
                members.too_large(path, size, limit)
                if size > members.readable(path, limit)
                else members.of_text(path, content, size, limit)
            )
        elif isinstance(content, bytes):
            found = members.member(path, content, limit, self.text(row, "encoding") or "utf-8")
        else:
            found = dropped(path, 0, "no-content", type(content).__name__)
        return self.told(found, row, prose and not self.text(row, "path"))

    def told(self, found: Member, row: Row, prose: bool = False) -> Member:
        """Return a file with what its row says of it."""
        language = languages.named(self.text(row, "language")) or ("Text" if prose else "")
        return replace(
            found,
            repository=self.text(row, "repository"),
            language=found.language or language,
            licence=_expression(row.get(self.licence)),
            revision=self.text(row, "revision"),
        )

    def place(self, row: Row, number: str) -> str:
        """Return a row's path; Software Heritage's begin with a slash."""
        value = row.get(self.path)
        return ("" if value is None else _text(value)).removeprefix("/") or number

    def text(self, row: Row, field: str) -> str:
        """Return the value of a field as a text, "" for none."""
        value = row.get(getattr(self, field))
        return "" if value is None else _printable(_text(value))


def _expression(value: Any) -> str:
    """Return licences as an SPDX expression; several are all of them at once."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return " AND ".join(sorted({_printable(_text(one)) for one in listed if one}))


def _text(value: Any) -> str:
    """Return a value as a text; older writers of Parquet have texts as bytes."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _printable(value: str) -> str:
    """Return a text that can be written: JSON may hold halves of characters."""
    return value.encode("utf-8", "backslashreplace").decode()
