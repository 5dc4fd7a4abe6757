"""Which characters of a file are comments and which stand inside quotes, language by language.

One regular expression a family of languages finds both, since a quote in a comment opens nothing
and a `//` in a string starts no comment. It is no parser: it is right about files that people
write, and it cannot be made slow, since what opens and never closes runs to the end of the file.
"""

import re
from dataclasses import dataclass
from functools import cached_property

# The closing quote is optional, or a line of quotes would be searched again from each of them.
_DOUBLE = r"""(?P<s1>"(?:\\.|[^"\\\n])*"?)"""
_QUOTES = _DOUBLE + r"""|(?P<s2>'(?:\\.|[^'\\\n])*'?)"""
_BLOCK = r"(?P<c1>/\*(?s:.*?)(?:\*/|\Z))"
_SLASHES = r"(?P<c2>//[^\n]*)"
# A string that stands alone on its line is a docstring, which teaches as a comment does.
_PYTHON = (
    r"(?P<c1>^[ \t]*[rRbBuU]{0,2}(?:\"\"\"(?s:.*?)(?:\"\"\"|\Z)|'''(?s:.*?)(?:'''|\Z)))"
    r"|(?P<s3>\"\"\"(?s:.*?)(?:\"\"\"|\Z)|'''(?s:.*?)(?:'''|\Z))|(?P<c2>#[^\n]*)|"
) + _QUOTES

# Pattern -> the languages that have it, by linguist's names.
_FAMILIES = {
    _PYTHON: "Python Cython Starlark Mojo GDScript",
    rf"{_BLOCK}|{_SLASHES}|{_QUOTES}|(?P<s3>`(?:\\.|[^`\\])*`?)": "JavaScript TypeScript TSX Go",
    rf"{_BLOCK}|{_SLASHES}|{_DOUBLE}": "Rust Zig Odin Verilog SystemVerilog",
    rf"{_BLOCK}|{_SLASHES}|{_QUOTES}": (
        "C C++ C# Java Kotlin Scala Swift Dart Groovy Gradle Objective-C Objective-C++ Cuda GLSL "
        "HLSL D Solidity Haxe Vala SCSS Less Processing ShaderLab Apex Move Protocol_Buffer Thrift"
    ),
    rf"{_BLOCK}|{_SLASHES}|(?P<c3>#[^\n]*)|{_QUOTES}": "PHP HCL Hack Jsonnet",
    rf"{_BLOCK}|{_QUOTES}": "CSS",
    rf"(?P<c1>#[^\n]*)|{_QUOTES}": (
        "Shell Ruby Perl Raku R Julia YAML TOML Makefile Dockerfile CMake Tcl Elixir Crystal Nim "
        "Nix fish Awk PowerShell Meson Just Puppet"
    ),
    rf"(?P<c1>--\[\[(?s:.*?)(?:\]\]|\Z))|(?P<c2>--[^\n]*)|{_QUOTES}": "Lua",
    rf"{_BLOCK}|(?P<c2>--[^\n]*)|{_QUOTES}": "SQL PLSQL PLpgSQL TSQL VHDL Ada",
    rf"(?P<c1>\{{-(?s:.*?)(?:-\}}|\Z))|(?P<c2>--[^\n]*)|{_DOUBLE}": "Haskell Elm PureScript Agda",
    rf"(?P<c1>;[^\n]*)|{_DOUBLE}": "Emacs_Lisp Common_Lisp Clojure Scheme Racket Assembly",
    rf"(?P<c1>%[^\n]*)|{_DOUBLE}": "TeX Erlang MATLAB Prolog",
    rf"(?P<c1>\(\*(?s:.*?)(?:\*\)|\Z))|(?P<c2>//[^\n]*)|{_DOUBLE}": "OCaml F# Standard_ML",
    r"(?P<c1><!--(?s:.*?)(?:-->|\Z))": "HTML XML SVG Markdown Vue Svelte XSLT",
    rf"(?P<c1>^[ \t]*\"[^\n]*)|{_QUOTES}": "Vim_Script",
    rf"(?P<c1>![^\n]*)|{_QUOTES}": "Fortran Fortran_Free_Form",
}
_PATTERNS = {
    name.replace("_", " "): re.compile(pattern, re.MULTILINE)
    for pattern, names in _FAMILIES.items()
    for name in names.split()
}
_HEX = re.compile(r"\b0[xX][0-9a-fA-F]+\b")
_TODO = re.compile(r"your code here|fixme|todo", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://")
LONG_WORD = 20  # characters of a word, words of a string, past which OpenCoder calls it long


@dataclass(frozen=True)
class Syntax:
    """A file's comments, strings, and the code without its comments."""

    comments: tuple[str, ...]
    strings: tuple[str, ...]
    code: str
    characters: int  # of the file

    @classmethod
    def of(cls, language: str, text: str) -> "Syntax | None":
        """Return the parts of a text, or None for a language without a pattern."""
        pattern = _PATTERNS.get(language)
        if pattern is None:
            return None
        comments, strings, code, last = [], [], [], 0
        for match in pattern.finditer(text):
            if str(match.lastgroup).startswith("s"):
                strings.append(match[0])
            else:
                comments.append(match[0])
                code.append(text[last : match.start()])
                last = match.end()
        return cls(tuple(comments), tuple(strings), "".join([*code, text[last:]]), len(text))

    @property
    def comment_share(self) -> float:
        """Share of the file's characters in comments."""
        return sum(map(len, self.comments)) / max(1, self.characters)

    @property
    def todo_lines(self) -> int:
        """Lines of comments that say that something is still to do."""
        return sum(bool(_TODO.search(line)) for text in self.comments for line in text.splitlines())

    @property
    def string_share(self) -> float:
        """Share of the code's characters inside quotes."""
        return sum(len(text.strip("\"'`")) for text in self.strings) / max(1, len(self.code))

    @property
    def long_word_share(self) -> float:
        """Share of the code's characters in long words inside quotes, addresses aside."""
        words = (word for text in self.strings for word in text.strip("\"'`").split())
        found = (len(word) for word in words if len(word) > LONG_WORD and not _ADDRESS.search(word))
        return sum(found) / max(1, len(self.code))

    @property
    def hex_share(self) -> float:
        """Share of the code's characters in hexadecimal numbers."""
        found = sum(match.end() - match.start() for match in _HEX.finditer(self.code))
        return found / max(1, len(self.code))

    @cached_property
    def code_lines(self) -> list[str]:
        """Lines with code on them."""
        return [line for line in self.code.splitlines() if line.strip()]

    @property
    def long_strings_a_line(self) -> float:
        """Lines of strings with more than 20 words, for each line of code."""
        lines = (line for text in self.strings for line in text.splitlines())
        return sum(len(line.split()) > LONG_WORD for line in lines) / max(1, len(self.code_lines))

    @property
    def assert_share(self) -> float:
        """Share of the lines of code that assert."""
        found = sum("assert" in line.lower() for line in self.code_lines)
        return found / max(1, len(self.code_lines))
