"""A file as the screens see it: encoded once, and measured at most once in each way."""

from dataclasses import dataclass
from functools import cached_property

from pipeline_steps.corpus import markup, measures, repetition
from pipeline_steps.corpus.syntax import Syntax


@dataclass(frozen=True)
class File:
    """A text and where it stands; what is measured of it is kept."""

    path: str  # in the repository
    text: str
    content: bytes  # the text in UTF-8
    language: str  # linguist's name
    prose: bool = False  # of a source of text or mathematics, to which rules for code do not apply

    @cached_property
    def counts(self) -> measures.Counts:
        """Lines, letters, encoded data."""
        return measures.count(self.content)

    @cached_property
    def words(self) -> repetition.Words:
        """Words and their repetition."""
        return repetition.Words(self.text, self.content)

    @cached_property
    def syntax(self) -> Syntax | None:
        """Comments and strings, in a language whose signs for them we know."""
        return Syntax.of(self.language, self.text)

    @property
    def parts(self) -> Syntax:
        """The same, where it is known that there are some."""
        assert self.syntax is not None
        return self.syntax

    @cached_property
    def visible(self) -> int:
        """Characters of an HTML page that a reader sees."""
        return len(markup.visible(self.text))

    @cached_property
    def duplicate_lines(self) -> float:
        """Share of lines that occur more than once."""
        return repetition.duplicate_lines(self.text)

    @property
    def todo_share(self) -> float:
        """Share of lines whose comment says that something is still to do."""
        return self.parts.todo_lines / max(1, self.counts.lines)
