"""Which files are too long, too wide, or no code; thresholds come from the spec (StarCoder2's)."""

from dataclasses import dataclass

from oremill.specs.corpus import Quality
from pipeline_steps.corpus import languages


@dataclass(frozen=True)
class Drop:
    """Why a file is left out."""

    reason: str  # one of a short, fixed list
    value: str = ""  # what was measured


def judge(path: str, text: str, language: str, rules: Quality, prose: bool) -> Drop | None:
    """Return why a file is dropped, or None; the first rule that it breaks counts.

    Args:
        path: in the repository.
        text: whole content.
        language: linguist's name.
        rules: thresholds.
        prose: the source is text or mathematics, to which rules for lines do not apply.
    """
    if rules.drop_generated and languages.is_minified(path, text.encode()):
        return Drop("minified")
    if rules.drop_vendored and languages.is_vendored(path):
        return Drop("vendored")
    if rules.drop_generated and languages.is_generated(path, text.encode()):
        return Drop("generated")
    return _lines(text, language, rules, prose or language in languages.PROSE) or _letters(
        text, rules
    )


def _lines(text: str, language: str, rules: Quality, prose: bool) -> Drop | None:
    lines = text.splitlines()
    longest = max(map(len, lines))
    mean = sum(map(len, lines)) / len(lines)
    if len(lines) > rules.max_lines:
        return Drop("too-many-lines", str(len(lines)))
    if language in languages.DATA and len(lines) > languages.MAX_DATA_LINES:
        return Drop("data-file", str(len(lines)))
    if not prose and longest > rules.max_line_length:
        return Drop("long-line", str(longest))
    if not prose and mean > rules.max_mean_line_length:
        return Drop("long-mean-line", f"{mean:.1f}")
    return None


def _letters(text: str, rules: Quality) -> Drop | None:
    """Measure letters among all characters but white space, which indentation would dilute."""
    visible = "".join(text.split())
    share = sum(map(str.isalpha, visible)) / len(visible)
    if share < rules.min_alphabetic_fraction:
        return Drop("few-letters", f"{share:.3f}")
    return None
