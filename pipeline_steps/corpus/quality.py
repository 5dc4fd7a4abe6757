"""Which files are no code worth learning from, by the thresholds that the spec resolves to.

A rule is a row: its reason, its bound in the spec, what it measures, and the files it is about. A
measure is taken once a file, and only when a rule that is on asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from oremill.specs.corpus import Quality
from oremill.specs.thresholds import Thresholds, resolved
from pipeline_steps.corpus import languages
from pipeline_steps.corpus.measured import File

# Of arXiv:2402.19173, section 3.1. Prose has long lines.
PROSE = frozenset({"HTML", "JSON", "Markdown", "Roff", "Roff Manpage", "SMT", "TeX", "Text", "XML"})
# A longer file of these is a table or a dump, and teaches no code.
TABLES = frozenset({"Text", "JSON", "YAML", "Web Ontology Language", "Graphviz (DOT)"})
# Their mnemonics are short, and their operands numbers: digits count as letters do.
ASSEMBLY = frozenset({"Motorola 68K Assembly", "WebAssembly"})
TEXT_NAMES = frozenset({"readme", "notes", "todo", "description", "cmakelists"})
XML_HEAD = 100  # characters in which StarCoder looks for an XML declaration


@dataclass(frozen=True)
class Drop:
    """Why a file is left out."""

    reason: str  # one of a short, fixed list
    value: str = ""  # what was measured


@dataclass(frozen=True)
class Rule:
    """A file is dropped when its measure is past the bound."""

    reason: str
    bound: str  # name of the threshold; one that starts with min_ is a lower bound
    measure: Callable[[File], float]
    about: Callable[[File, Thresholds], bool] = lambda file, bounds: True

    def breaks(self, value: float, bound: float) -> bool:
        """Return whether a value is past the bound; a value that meets it is not."""
        return value < bound if self.bound.startswith("min_") else value > bound


def _code(file: File, bounds: Thresholds) -> bool:
    return not file.prose


def _exempt(file: File, bounds: Thresholds) -> bool:
    """Return whether only the bound for prose holds for the lines of a file."""
    return bounds.max_prose_line_length is not None and file.language in PROSE


def _lined(file: File, bounds: Thresholds) -> bool:
    return not file.prose and not _exempt(file, bounds)


def _long_prose(file: File, bounds: Thresholds) -> bool:
    return not file.prose and _exempt(file, bounds)


def _parsed(file: File, bounds: Thresholds) -> bool:
    return not file.prose and file.syntax is not None


def _of(*names: str) -> Callable[[File, Thresholds], bool]:
    return lambda file, bounds: file.language in names


def _text(file: File, bounds: Thresholds) -> bool:
    return not file.prose and file.language == "Text"


def _data(file: File, bounds: Thresholds) -> bool:
    return languages.is_data(file.language)


def _letters(file: File) -> float:
    counts = file.counts
    digits = counts.digits if file.language in ASSEMBLY else 0
    return counts.share(counts.letters + digits)


def _visible_letters(file: File) -> float:
    counts = file.counts
    return counts.letters / max(1, counts.characters - counts.spaces)


def _unnamed(file: File) -> bool:
    name = PurePosixPath(file.path.lower())
    return "requirement" not in name.name and name.stem not in TEXT_NAMES


_json_yaml = _of("JSON", "YAML")
RULES = (
    Rule("too-many-lines", "max_lines", lambda f: f.counts.lines),
    Rule("too-few-lines", "min_lines", lambda f: f.counts.lines, _code),
    Rule("data-file", "max_data_lines", lambda f: f.counts.lines, _of(*TABLES)),
    Rule("long-line", "max_line_length", lambda f: f.counts.longest, _lined),
    Rule("long-line", "max_prose_line_length", lambda f: f.counts.longest, _long_prose),
    Rule("long-mean-line", "max_mean_line_length", lambda f: f.counts.mean_line, _lined),
    Rule("short-mean-line", "min_mean_line_length", lambda f: f.counts.mean_line, _lined),
    Rule("few-characters", "min_characters", lambda f: f.counts.characters),
    Rule("few-letters", "min_alphabetic_fraction", _letters),
    Rule("few-letters", "min_visible_alphabetic_fraction", _visible_letters),
    Rule("many-digits", "max_digit_fraction", lambda f: f.counts.share(f.counts.digits)),
    Rule("much-white-space", "max_whitespace_fraction", lambda f: f.counts.share(f.counts.spaces)),
    Rule(
        "replacement-characters", "max_replacement_fraction",
        lambda f: f.counts.share(f.counts.replacements),
    ),
    Rule("encoded-data", "max_encoded_run", lambda f: f.counts.longest_encoded),
    Rule("encoded-data", "max_encoded_fraction", lambda f: f.counts.share(f.counts.encoded)),
    Rule(
        "xml", "drop_xml", lambda f: "<?xml version=" in f.text[:XML_HEAD],
        lambda file, bounds: file.language != "XSLT",
    ),
    Rule("unnamed-text", "drop_unnamed_text", _unnamed, _text),
    Rule("html-without-text", "min_html_text", lambda f: f.visible, _of("HTML")),
    Rule(
        "html-without-text", "min_html_text_fraction", lambda f: f.counts.share(f.visible),
        _of("HTML"),
    ),
    Rule("data-size", "min_json_yaml_characters", lambda f: f.counts.characters, _json_yaml),
    Rule("data-size", "max_json_yaml_characters", lambda f: f.counts.characters, _json_yaml),
    Rule("data-size", "max_data_characters", lambda f: f.counts.characters, _data),
    Rule("few-words", "min_words", lambda f: f.words.count),
    Rule("short-words", "min_mean_word_length", lambda f: f.words.mean_length),
    Rule("long-words", "max_mean_word_length", lambda f: f.words.mean_length),
    Rule(
        "few-unique-words", "min_data_unique_word_fraction", lambda f: f.words.unique_share, _data
    ),
    Rule("few-comments", "min_comment_fraction", lambda f: f.parts.comment_share, _parsed),
    Rule("many-comments", "max_comment_fraction", lambda f: f.parts.comment_share, _parsed),
    Rule("duplicate-lines", "max_duplicate_line_fraction", lambda f: f.duplicate_lines),
    *(
        Rule(
            "repeated-words", f"max_top_{size}gram_fraction",
            lambda f, size=size: f.words.top_share(size),  # type: ignore[misc]
        )
        for size in (2, 3, 4)
    ),
    *(
        Rule(
            "repeated-words", f"max_duplicate_{size}gram_fraction",
            lambda f, size=size: f.words.duplicate_share(size),  # type: ignore[misc]
        )
        for size in range(5, 11)
    ),
    Rule("many-strings", "max_string_fraction", lambda f: f.parts.string_share, _parsed),
    Rule(
        "long-strings", "max_long_string_line_fraction", lambda f: f.parts.long_strings_a_line,
        _parsed,
    ),
    Rule("long-strings", "max_long_word_fraction", lambda f: f.parts.long_word_share, _parsed),
    Rule("many-hex-numbers", "max_hex_fraction", lambda f: f.parts.hex_share, _parsed),
    Rule("todo-lines", "max_todo_line_fraction", lambda f: f.todo_share, _parsed),
    Rule("assert-lines", "max_assert_line_fraction", lambda f: f.parts.assert_share, _parsed),
)  # fmt: skip


def judge(file: File, rules: Quality) -> Drop | None:
    """Return why a file is dropped, or None; the first rule that it breaks counts."""
    if rules.drop_generated and languages.is_minified(file.path, file.content):
        return Drop("minified")
    if rules.drop_vendored and languages.is_vendored(file.path):
        return Drop("vendored")
    if rules.drop_generated and languages.is_generated(file.path, file.content):
        return Drop("generated")
    bounds, active = _active(rules)
    for rule, bound in active:
        if rule.about(file, bounds) and rule.breaks(value := rule.measure(file), bound):
            return Drop(rule.reason, _shown(value))
    return None


@lru_cache(maxsize=16)
def _active(rules: Quality) -> tuple[Thresholds, tuple[tuple[Rule, float], ...]]:
    """Return the resolved thresholds, and the rules that they switch on with their bounds.

    A rule that drops or not has True for a measure; its bound is 0 where it is on.
    """
    bounds = resolved(rules.preset, rules)
    given = ((rule, getattr(bounds, rule.bound)) for rule in RULES)
    return bounds, tuple(
        (rule, 0 if bound is True else bound)
        for rule, bound in given
        if bound is not None and bound is not False
    )


def _shown(value: float) -> str:
    return "" if value is True else str(value) if isinstance(value, int) else f"{value:.3f}"
