"""What parses is kept, what does not is seen, in every language that has a grammar."""

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest

from oremill.specs.corpus import Grammar, Parse
from pipeline_steps.corpus import parsing

LIMIT = Parse().max_error_share
PROSE = "1) It isn't code: [see 3.2, p. 4 - nobody's; don't \"run it!\n\n" * 5
VALID = {
    "C": "#include <stdio.h>\nint main(void) {\n    return puts(\"a\") ? 1 : 0;\n}\n",
    "C#": "namespace A.B;\npublic class C { public int D { get; set; } = 1; }\n",
    "C++": "#include <vector>\ntemplate <class T> T f(std::vector<T> v) { return v[0]; }\n",
    "CSS": "a:hover > b { color: #fff; margin: 0 auto; }\n@media print { c { top: 1px } }\n",
    "Go": "package a\n\nimport \"fmt\"\n\nfunc B[T any](c T) { fmt.Println(c) }\n",
    "HTML": "<!doctype html>\n<html><body><p class=\"a\">b<br></p></body></html>\n",
    "Haskell": "module A where\n\nf :: Int -> Int\nf x = case x of\n  0 -> 1\n  _ -> f (x - 1)\n",
    "JSON": '{"a": [1, 2.5, null, true], "b": {"c": "d"}}\n',
    "Java": "package a;\nrecord P(int x) { int y() { return switch (x) { default -> 1; }; } }\n",
    "JavaScript": "export const f = async (a) => ({ ...a, b: await a?.c ?? 1 });\n",
    "Julia": "module A\nf(x::Int) = x^2 + 1\nfunction g(y)\n  return [f(i) for i in y]\nend\nend\n",
    "OCaml": "let rec f = function\n  | [] -> 0\n  | x :: rest -> x + f rest\n",
    "PHP": "<?php\nclass A { public function __construct(private int $b) {} }\n",
    "Python": "async def f(a, /, *, b):\n  match a:\n    case {'c': 1}:\n      return f'{b!r}'\n",
    "Ruby": "class A\n  def b(c:, d: 1)\n    c.map { |e| e + d }\n  end\nend\n",
    "Rust": "pub fn f<'a>(x: &'a str) -> Option<&'a str> { x.lines().next() }\n",
    "Scala": "object A {\n  def f(x: Int): Int = x match { case 0 => 1; case n => n * 2 }\n}\n",
    "Shell": "#!/bin/sh\nset -e\nfor f in *.txt; do\n  [ -f \"$f\" ] && echo \"$f\"\ndone\n",
    "TSX": "export const A = (p: { b: string }) => <div className={p.b}>{p.b}</div>;\n",
    "TypeScript": "export type A<T> = { [K in keyof T]?: T[K] };\nlet b = <number>1;\n",
}  # fmt: skip


def test_every_grammar_can_be_asked_for_and_has_an_example() -> None:
    assert set(get_args(Grammar)) == set(parsing.GRAMMARS) == set(VALID)


@pytest.mark.parametrize("language", VALID)
def test_code_has_no_error_in_its_language(language: str) -> None:
    assert parsing.errors(VALID[language], language) == 0


@pytest.mark.parametrize(
    "language", sorted(set(VALID) - {"HTML", "PHP"})
)  # in those any text is one
def test_prose_is_no_code(language: str) -> None:
    share = parsing.errors(PROSE, language)
    assert share is not None and share > LIMIT


@pytest.mark.parametrize("language", VALID)
def test_an_unclosed_beginning_is_an_error(language: str) -> None:
    opened = {"HTML": "<a <b <<", "Haskell": "f x = (case [", "OCaml": "let f = ((("}
    broken = VALID[language] + opened.get(language, "((( {{{ [[[ ")
    share = parsing.errors(broken, language)
    assert share is not None and 0 < share <= 1


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("\ufeff" + VALID["C#"], "C#"),
        (VALID["Python"].replace("\n", "\r\n"), "Python"),
        (VALID["Shell"].replace("\n", "\r\n"), "Shell"),
        ("// @flow\nfunction f(a: ?string): number { return 1; }\n", "JavaScript"),
        ("val f : int -> int\n", "OCaml"),
        ("class A { public: int b; };\n", "C"),
        ("class {{ cookiecutter.name }}:\n    pass\n", "Python"),
        ("{% if a %}\nset -e\n{% endif %}\necho {{ b | c }}\n", "Shell"),
        ("var a = <%= b.c %>;\n<% if (d) { %>\nf();\n<% } %>\n", "JavaScript"),
        ("print 'a'\n", "Python"),
        ("", "Python"),
    ],
    ids=lambda value: value[:20],
)
def test_what_only_looks_broken_is_not(text: str, language: str) -> None:
    assert parsing.errors(text, language) == 0


@pytest.mark.parametrize("language", ["", "Markdown", "COBOL"])
def test_a_language_without_a_grammar_has_no_answer(language: str) -> None:
    assert parsing.errors("a b c", language) is None


def test_one_missing_bracket_is_one_error_however_long_the_file_is() -> None:
    lines = "x = f(1)\n" * 500
    share = parsing.errors(lines + "y = (1\n" + lines, "Python")
    assert share is not None and 0 < share < LIMIT


@pytest.mark.parametrize(
    "text",
    [
        VALID["Go"] * 2,
        "\n".join("-+ "[number % 3] + line for number, line in enumerate(["return f(x)"] * 30)),
        "<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> main\n",
        "import os\n\ndef f(:\n    retrun ][\n",
    ],
    ids=["another-language", "patch", "merge-conflict", "nonsense"],
)
def test_what_is_no_python_is_over_the_limit(text: str) -> None:
    share = parsing.errors(text, "Python")
    assert share is not None and share > LIMIT


def test_a_parse_that_takes_too_long_counts_as_broken_and_harms_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parsing, "MAX_SECONDS", -1.0)
    assert parsing.errors(VALID["Java"] * 1500, "Java") == 1
    monkeypatch.undo()
    assert parsing.errors(VALID["Java"], "Java") == 0


def test_what_was_parsed_last_is_not_parsed_again() -> None:
    code = VALID["Go"].encode()
    tree = parsing.parsed(code, "go")
    assert parsing.parsed(bytes(bytearray(code)), "go") is tree
    assert parsing.parsed(code, "rust") is not tree
    assert parsing.parsed(b"package b\n", "go") is not tree


def test_threads_do_not_share_a_parser() -> None:
    texts = [VALID["Rust"] * 50, PROSE] * 20
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: parsing.errors(text, "Rust"), texts))
    assert found == [parsing.errors(text, "Rust") for text in texts]
