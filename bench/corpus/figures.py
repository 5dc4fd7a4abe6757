"""The lines that say how a figure stands to its bound, and the table of what each run cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A figure of this run."""

    name: str
    figure: str
    unit: str
    bound: str  # such as >=50
    ok: bool

    @classmethod
    def at_least(cls, name: str, figure: float, unit: str, bound: float) -> "Bar":
        """Return a figure that should not be smaller than the bound."""
        return cls(name, _short(figure), unit, f">={bound:g}", figure >= bound)

    @classmethod
    def at_most(cls, name: str, figure: float, unit: str, bound: float) -> "Bar":
        """Return a figure that should not be larger than the bound."""
        return cls(name, _short(figure), unit, f"<={bound:g}", figure <= bound)

    def __str__(self) -> str:
        verdict = "ok" if self.ok else "short"
        return f"BAR {self.name} {self.figure} {self.unit} {self.bound} {verdict}"


def parse(output: str) -> list[Bar]:
    """Return the figures in what a program printed.

    Raises:
        ValueError: a line begins with BAR and is none.
    """
    found = []
    for line in output.splitlines():
        if not line.startswith("BAR "):
            continue
        words = line.split()
        if len(words) != 6 or words[5] not in ("ok", "short"):
            raise ValueError(f"not `BAR <name> <figure> <unit> <bound> ok|short`: {line}")
        found.append(Bar(*words[1:5], words[5] == "ok"))
    return found


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(figure: float) -> str:
    return f"{figure:.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
