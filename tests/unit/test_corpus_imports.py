"""What is read out of import declarations, and what is no declaration."""

import pytest

from pipeline_steps.corpus.imports import links

CASES = [
    (
        "Python",
        "import os, a.b as c\nfrom . import d\nfrom ..e.f import (\n    g,  # one, (two)\n"
        "    h as i,\n)\n"
        "def j():\n    from k import *  # late\nfrom l import m, \\\n    n\nimported = 1\n",
        ["os", "a.b", ".:d", "..e.f:g", "..e.f:h", "k:*", "l:m", "l:n"],
    ),
    ("Python", "\ufeffimport a\r\nimport b; x = 1\r\n", ["a", "b"]),
    (
        "TypeScript",
        "import a, { b } from './c'\nimport type { D } from \"../d.js\";\nexport * from '@x/y/z';\n"
        "import {\n  e,\n} from `f`;\nconst g = await import('./g');\nimport './h.css';\n"
        "const i = require( \"i\" );\nconst from_ = `./${j}`; a.from('k');\n"
        "/// <reference path=\"l.d.ts\" />\n",
        ["./c", "../d.js", "@x/y/z", "f", "./g", "./h.css", "i", "l.d.ts"],
    ),
    (
        "Java",
        "package a.b;\nimport c.d.E;\nimport static f.G.h;\nimport i.*;\n// import j.K;\n",
        ["c.d.E", "f.G.h", "i.*"],
    ),
    (
        "Go",
        'package a\nimport "b"\nimport (\n'
        '\t"c/d" // has a ) and "quotes"\n\t_ "e"\n\tf "g/h"\n\t// "i"\n)\n',
        ["b", "c/d", "e", "g/h"],
    ),
    (
        "Rust",
        "mod a;\npub(crate) mod b;\nmod c { use super::*; }\n#[path = \"x/y.rs\"]\nmod d;\n"
        "use crate::{e::{self, f as g}, // no\n    h};\n    use super::i;\n"
        "use super::j;\nextern crate k;\n",
        [
            "mod a", "mod b", "path x/y.rs", "crate::e", "crate::e::f", "crate::h", "self::i",
            "super::j", "k",
        ],
    ),
    ("C", '#include "a.h"\n # include <b/c.h>\n// #include "d.h"\n', ['"a.h', "<b/c.h"]),
    (
        "C#",
        "\ufeffglobal using A;\nusing B.C;\nusing static D.E;\nusing F = G.H;\n"
        "using (var i = J()) { }\nusing var k = L();\n",
        ["A", "B.C", "D.E", "G.H"],
    ),
    ("Ruby", "require 'a'\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "needs"), CASES, ids=[case[0] for case in CASES])
def test_every_form_of_an_import_is_read(language: str, text: str, needs: list[str]) -> None:
    assert sorted(links("a", language, text).needs) == sorted(needs)


@pytest.mark.parametrize(
    ("path", "language", "text", "gives"),
    [
        ("a/go.mod", "Go Module", "module example.com/a/v2\n\ngo 1.22\n", ["example.com/a/v2"]),
        ("package.json", "JSON", '{"name": "@a/b"}', ["@a/b"]),
        ("package.json", "JSON", '["name"]', []),
        ("package.json", "JSON", "{", []),
        ("a/Cargo.toml", "TOML", '[package]\nname = "a-b"\n', ["a_b"]),
        ("Cargo.toml", "TOML", '[package]\nname = "a"\n[lib]\nname = "b"\n', ["b"]),
        ("Cargo.toml", "TOML", "[workspace]\n", []),
        ("Cargo.toml", "TOML", "[", []),
        ("a.cs", "C#", "namespace A.B;\nnamespace C\n{\n}\n", ["A.B", "C"]),
        ("a.py", "Python", "namespace = 1\n", []),
    ],
)
def test_names_that_a_file_gives_to_others(
    path: str, language: str, text: str, gives: list[str]
) -> None:
    assert list(links(path, language, text).gives) == gives


@pytest.mark.parametrize("language", ["Python", "Rust", "Go", "TypeScript", "C#"])
@pytest.mark.timeout(10)
def test_reading_takes_time_in_proportion_to_the_text(language: str) -> None:
    """None of the patterns may go back and forth: 100 KB of almost-imports end at once."""
    pieces = ("import ", "\nuse a{", "\nfrom a import (b,", "\nusing A.", '\nimport (\n"a" ', " ")
    for piece in pieces:
        links("a", language, piece * (100_000 // len(piece)))
