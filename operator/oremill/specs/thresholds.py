"""What a file must keep to count as code worth learning from, and the published sets of it.

A preset is one paper's or repository's numbers, each with its source. A spec picks one and may
override any number; a share of 1, or a bound that no file reaches, switches a rule off.
"""

from typing import Annotated, Literal

from pydantic import Field

from oremill.specs.common import Model

Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[int, Field(ge=0)]
Length = Annotated[float, Field(ge=0)]
Preset = Literal["starcoder2", "starcoder", "deepseek-coder", "opencoder", "none"]


class Thresholds(Model):
    """Bounds of a file; one that is left out comes from the preset."""

    max_line_length: Number | None = None
    """Longest line, in characters."""
    max_mean_line_length: Length | None = None
    """Largest mean length of a line, in characters."""
    min_mean_line_length: Length | None = None
    """Smallest mean length of a line, in characters."""
    max_prose_line_length: Number | None = None
    """Longest line of HTML, JSON, Markdown, Roff, SMT, TeX, Text and XML instead of both above."""
    max_lines: Number | None = None
    """Most lines."""
    min_lines: Number | None = None
    """Fewest lines."""
    max_data_lines: Number | None = None
    """Most lines of JSON, YAML, Text, Web Ontology Language and Graphviz."""
    min_characters: Number | None = None
    """Fewest characters."""
    min_words: Number | None = None
    """Fewest words."""
    min_mean_word_length: Length | None = None
    """Smallest mean length of a word."""
    max_mean_word_length: Length | None = None
    """Largest mean length of a word."""
    min_alphabetic_fraction: Share | None = None
    """Smallest share of letters; of letters and digits in 68K assembly and WebAssembly."""
    min_visible_alphabetic_fraction: Share | None = None
    """Smallest share of letters among the characters that are no white space."""
    max_digit_fraction: Share | None = None
    """Largest share of digits."""
    max_whitespace_fraction: Share | None = None
    """Largest share of white space."""
    max_replacement_fraction: Share | None = None
    """Largest share of U+FFFD, which is left where a decoder failed."""
    max_encoded_run: Number | None = None
    """Longest run of base64, hexadecimal bytes or Unicode escapes, in characters."""
    max_encoded_fraction: Share | None = None
    """Largest share of such runs."""
    min_html_text: Number | None = None
    """Fewest characters of an HTML page that a reader sees."""
    min_html_text_fraction: Share | None = None
    """Smallest share of an HTML page that a reader sees."""
    min_json_yaml_characters: Number | None = None
    """Fewest characters of JSON and YAML."""
    max_json_yaml_characters: Number | None = None
    """Most characters of JSON and YAML."""
    max_data_characters: Number | None = None
    """Most characters of a language of data (JSON, YAML, CSV and their like)."""
    min_data_unique_word_fraction: Share | None = None
    """Smallest share of different words in a language of data."""
    drop_xml: bool | None = None
    """Drop files that begin as XML, XSLT aside."""
    drop_unnamed_text: bool | None = None
    """Drop plain text but requirements, readme, notes, todo, description and cmakelists."""
    min_comment_fraction: Share | None = None
    """Smallest share of comments, docstrings included."""
    max_comment_fraction: Share | None = None
    """Largest share of comments, docstrings included."""
    max_duplicate_line_fraction: Share | None = None
    """Largest share of lines that occur more than once."""
    max_top_2gram_fraction: Share | None = None
    """Largest share of the words' characters in the most frequent pair of words."""
    max_top_3gram_fraction: Share | None = None
    """Largest share in the most frequent run of 3 words."""
    max_top_4gram_fraction: Share | None = None
    """Largest share in the most frequent run of 4 words."""
    max_duplicate_5gram_fraction: Share | None = None
    """Largest share of the words' characters in repeated runs of 5 words."""
    max_duplicate_6gram_fraction: Share | None = None
    """Largest share in repeated runs of 6 words."""
    max_duplicate_7gram_fraction: Share | None = None
    """Largest share in repeated runs of 7 words."""
    max_duplicate_8gram_fraction: Share | None = None
    """Largest share in repeated runs of 8 words."""
    max_duplicate_9gram_fraction: Share | None = None
    """Largest share in repeated runs of 9 words."""
    max_duplicate_10gram_fraction: Share | None = None
    """Largest share in repeated runs of 10 words."""
    max_string_fraction: Share | None = None
    """Largest share of characters inside quotes."""
    max_long_string_line_fraction: Share | None = None
    """Largest number of strings of more than 20 words, a line of code."""
    max_long_word_fraction: Share | None = None
    """Largest share of words longer than 20 characters inside quotes, addresses aside."""
    max_hex_fraction: Share | None = None
    """Largest share of hexadecimal numbers."""
    max_todo_line_fraction: Share | None = None
    """Largest share of lines whose comment says todo, fixme or your code here."""
    max_assert_line_fraction: Share | None = None
    """Largest share of lines of code that assert."""


# StarCoder (arXiv:2305.06161, section 3.1, and its bigcode-dataset).
_STARCODER = Thresholds(
    max_line_length=1_000,
    max_mean_line_length=100,
    min_alphabetic_fraction=0.25,
    drop_xml=True,  # "<?xml version=" in the first 100 characters
    min_html_text=100,
    min_html_text_fraction=0.2,
    min_json_yaml_characters=50,  # the paper's; its code has 100
    max_json_yaml_characters=5_000,
)

PRESETS: dict[Preset, Thresholds] = {
    # StarCoder2 and The Stack v2 (arXiv:2402.19173, section 3.1 and appendix); The Stack v3 too.
    "starcoder2": Thresholds(
        max_line_length=1_000,
        max_mean_line_length=100,
        max_prose_line_length=100_000,
        max_lines=100_000,
        max_data_lines=512,
        min_alphabetic_fraction=0.25,
        max_encoded_run=1_024,
        max_encoded_fraction=0.5,
        min_html_text=100,
        min_html_text_fraction=0.2,
        drop_unnamed_text=True,
    ),
    "starcoder": _STARCODER,
    # DeepSeek-Coder (arXiv:2401.14196, section 2.1) says that it applies StarCoder's rules.
    "deepseek-coder": _STARCODER,
    # OpenCoder (arXiv:2411.04905): "others" and "data" in the configuration of opc_data_filtering.
    "opencoder": Thresholds(
        max_line_length=1_000,
        max_mean_line_length=100,
        min_mean_line_length=5,
        max_lines=100_000,
        min_lines=10,
        min_characters=50,
        min_words=30,
        min_mean_word_length=2,
        max_mean_word_length=10,
        min_visible_alphabetic_fraction=0.5,
        max_digit_fraction=0.2,
        max_whitespace_fraction=0.5,
        max_replacement_fraction=0.01,
        max_encoded_run=1_024,
        max_encoded_fraction=0.5,
        min_html_text=100,
        min_html_text_fraction=0.2,
        max_data_characters=5_000,
        min_data_unique_word_fraction=0.4,
        drop_xml=True,
        max_comment_fraction=0.8,
        max_duplicate_line_fraction=0.7,
        max_top_2gram_fraction=0.20,
        max_top_3gram_fraction=0.18,
        max_top_4gram_fraction=0.16,
        max_duplicate_5gram_fraction=0.8,
        max_duplicate_6gram_fraction=0.7,
        max_duplicate_7gram_fraction=0.7,
        max_duplicate_8gram_fraction=0.7,
        max_duplicate_9gram_fraction=0.7,
        max_duplicate_10gram_fraction=0.6,
        max_string_fraction=0.6,
        max_long_string_line_fraction=0.2,
        max_long_word_fraction=0.4,
        max_hex_fraction=0.4,
        max_todo_line_fraction=0.01,
        max_assert_line_fraction=0.4,
    ),
    "none": Thresholds(),
}


def resolved(preset: Preset, own: Thresholds) -> Thresholds:
    """Return a preset's thresholds, overridden by those that a spec gives itself."""
    given = {name: getattr(own, name) for name in Thresholds.model_fields}
    return PRESETS[preset].model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
