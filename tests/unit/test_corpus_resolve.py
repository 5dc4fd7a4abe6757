"""Small planted repositories: which of their files need which, to the last edge."""

import pytest

from pipeline_steps.corpus.imports import links
from pipeline_steps.corpus.languages import language
from pipeline_steps.corpus.repository import File
from pipeline_steps.corpus.resolve import graph

Texts = dict[str, str]
Needs = dict[str, str]  # file → the files that it needs, by space

PYTHON: tuple[Texts, Needs] = (
    {
        "src/app/__init__.py": "",
        "src/app/main.py": "import json\nimport app.util\nfrom app.sub import deep, name\n",
        "src/app/util.py": "from . import main, missing\nfrom .util import itself\n",
        "src/app/json.py": "from ... import beyond\nfrom ....top import beyond\n",
        "src/app/sub/__init__.py": "from .deep import *\n",
        "src/app/sub/deep.py": "from ..util import f\nimport app\n",
        "tests/test_main.py": "from app.main import run\nimport helper\nimport numpy.linalg\n",
        "tests/helper.py": "import test_main.f\n",
        "other/pkg/a.py": "from pkg.b import c\n",
        "other/pkg/b.py": "",
        "scripts/json.py": "",
    },
    {
        "src/app/main.py": "src/app/sub/__init__.py src/app/sub/deep.py src/app/util.py",
        "src/app/util.py": "src/app/__init__.py src/app/main.py",
        "src/app/sub/__init__.py": "src/app/sub/deep.py",
        "src/app/sub/deep.py": "src/app/__init__.py src/app/util.py",
        "tests/test_main.py": "src/app/main.py tests/helper.py",
        "tests/helper.py": "tests/test_main.py",
        "other/pkg/a.py": "other/pkg/b.py",
    },
)
SCRIPTS: tuple[Texts, Needs] = (
    {
        "packages/core/package.json": '{"name": "@org/core"}',
        "packages/core/src/index.ts": "export * from './a.js';\nexport { b } from './b';\n",
        "packages/core/src/a.ts": "import { b } from './b/index';\nimport './missing';\n",
        "packages/core/src/b/index.tsx": "import '../../../../../beyond';\nimport './index';\n",
        "web/src/view.vue": "<script>\nimport { a } from '@/lib/tool'\n</script>\n",
        "web/src/lib/tool.js": "const c = require('@org/core');\nrequire('react');\n",
        "web/src/lib/more.mjs": "import d from '@org/core/a?raw';\nimport e from './data.json';\n",
        "web/src/lib/data.json": "{}",
    },
    {
        "packages/core/src/index.ts": "packages/core/src/a.ts packages/core/src/b/index.tsx",
        "packages/core/src/a.ts": "packages/core/src/b/index.tsx",
        "web/src/view.vue": "web/src/lib/tool.js",
        "web/src/lib/tool.js": "packages/core/src/index.ts",
        "web/src/lib/more.mjs": "packages/core/src/a.ts web/src/lib/data.json",
    },
)
JAVA: tuple[Texts, Needs] = (
    {
        "m/src/main/java/a/b/C.java": "package a.b;\nimport a.d.E;\nimport java.util.List;\n",
        "m/src/main/java/a/d/E.java": "package a.d;\nimport a.d.*;\nimport a.b.C.Inner;\n",
        "m/src/main/java/a/d/F.java": "package a.d;\n",
        "m/src/test/java/a/b/CTest.java": "import a.d.*;\nimport static a.b.C.of;\nimport x.Y;\n",
        "n/src/main/java/a/d/E.java": "package a.d;\n",
        "n/src/main/java/g/H.java": "import a.d.E;\n",
    },
    {
        "m/src/main/java/a/b/C.java": "m/src/main/java/a/d/E.java",
        "m/src/main/java/a/d/E.java": "m/src/main/java/a/b/C.java",
        "m/src/test/java/a/b/CTest.java": "m/src/main/java/a/b/C.java m/src/main/java/a/d/E.java"
        " m/src/main/java/a/d/F.java",
        "n/src/main/java/g/H.java": "n/src/main/java/a/d/E.java",
    },
)
GO: tuple[Texts, Needs] = (
    {
        "go.mod": "module example.com/app/v2\n",
        "main.go": 'package main\nimport (\n\t"fmt"\n\t"example.com/app/v2/in/a"\n)\n',
        "in/a/a.go": 'package a\nimport "example.com/app/v2/b"\n',
        "in/a/more.go": "package a\n",
        "in/a/a_test.go": 'package a_test\nimport "example.com/app/v2/in/a"\n',
        "b/b.go": 'package b\nimport "example.com/app/v2"\nimport "github.com/x/y"\n',
        "vendor/github.com/x/y/y.go": 'package y\nimport "example.com/app/v2/none"\n',
        "tool/go.mod": "module example.com/app/v2/tool\n",
        "tool/t.go": 'package tool\nimport "example.com/app/v2/tool/sub"\n',
        "tool/sub/s.go": "package sub\n",
    },
    {
        "main.go": "in/a/a.go in/a/more.go",
        "in/a/a.go": "b/b.go",
        "in/a/a_test.go": "in/a/a.go in/a/more.go",
        "b/b.go": "main.go vendor/github.com/x/y/y.go",
        "tool/t.go": "tool/sub/s.go",
    },
)
RUST: tuple[Texts, Needs] = (
    {
        "one/Cargo.toml": '[package]\nname = "crate-one"\n',
        "one/src/lib.rs": "mod a;\npub mod b;\nmod missing;\nuse a::A;\nuse std::io;\n",
        "one/src/a.rs": "use crate::b::{c::C, B};\nuse super::X;\nmod t {\n  use super::*;\n}\n",
        "one/src/b/mod.rs": "pub mod c;\n",
        "one/src/b/c.rs": "use self::c::d;\nuse super::super::a::A;\n",
        "two/Cargo.toml": '[package]\nname = "two"\n',
        "two/src/main.rs": '#[path = "odd/name.rs"]\nmod m;\nuse crate_one::b::c::C;\n',
        "two/src/odd/name.rs": "use crate_one;\nuse crate::m;\n",
    },
    {
        "one/src/lib.rs": "one/src/a.rs one/src/b/mod.rs",
        "one/src/a.rs": "one/src/b/c.rs one/src/b/mod.rs one/src/lib.rs",
        "one/src/b/mod.rs": "one/src/b/c.rs",
        "one/src/b/c.rs": "one/src/a.rs",
        "two/src/main.rs": "one/src/b/c.rs two/src/odd/name.rs",
        "two/src/odd/name.rs": "one/src/lib.rs two/src/main.rs",
    },
)
C: tuple[Texts, Needs] = (
    {
        "include/lib/a.h": "#pragma once\n#include <stddef.h>\n#include <string.h>\n",
        "src/a.c": '#include "lib/a.h"\n#include "b.h"\n#include "../src/a.c"\n#include "no.h"\n',
        "src/b.h": "#include <lib/a.h>\n",
        "other/b.h": "int b;\n",
        "other/c.cpp": '#include "b.h"\n#include <top.h>\n#include "../../../src/b.h"\n',
        "include/top.h": "int top;\n",
        "other/string.h": "int no;\n",
    },
    {
        "src/a.c": "include/lib/a.h src/b.h",
        "src/b.h": "include/lib/a.h",
        "other/c.cpp": "other/b.h include/top.h src/b.h",
    },
)
CSHARP: tuple[Texts, Needs] = (
    {
        "App/Program.cs": "using System;\nusing App.Core;\nnamespace App;\nclass Program { }\n",
        "App/Core/One.cs": "namespace App.Core\n{\n    using App.Core;\n    class One { }\n}\n",
        "App/Core/Two.cs": "using static App.Program;\nnamespace App.Core;\nclass Two { }\n",
        "App/Use.cs": "using Two = App.Core.Two;\nclass Use { }\n",
    },
    {
        "App/Program.cs": "App/Core/One.cs App/Core/Two.cs",
        "App/Core/Two.cs": "App/Program.cs",
        "App/Use.cs": "App/Core/One.cs App/Core/Two.cs",
    },
)
TWO: tuple[Texts, Needs] = (
    {
        "py/a.py": "import b\n",
        "py/b.py": "",
        "js/a.js": "import './b'\nimport '../py/b'\n",
        "js/b.js": "",
        "b.go": 'package b\nimport "js"\n',
    },
    {"py/a.py": "py/b.py", "js/a.js": "js/b.js"},
)
PLANTED = {
    "python": PYTHON,
    "scripts": SCRIPTS,
    "java": JAVA,
    "go": GO,
    "rust": RUST,
    "c": C,
    "csharp": CSHARP,
    "two-languages": TWO,
}


def files(texts: Texts) -> list[File]:
    """Return the files of a repository, sorted by path."""
    known = {path: language(path, text.encode()) for path, text in sorted(texts.items())}
    known |= {path: "C++" for path in known if path.endswith(".cpp")}
    return [File(path, name, links(path, name, texts[path])) for path, name in known.items()]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_repository_has_exactly_its_edges(name: str) -> None:
    texts, wanted = PLANTED[name]
    found = files(texts)
    needs = graph(found)
    edges = {}
    for number, file in enumerate(found):
        wide = [needs[one] if one >= len(found) else [one] for one in needs[number]]
        if wide:
            edges[file.path] = {found[one].path for members in wide for one in members}
    assert edges == {user: set(needed.split()) for user, needed in wanted.items()}


def test_a_package_with_many_users_is_one_node() -> None:
    texts = {"go.mod": "module m\n"} | {f"p/{n}.go": "package p\n" for n in range(200)}
    texts |= {f"u{n}/u.go": 'package u\nimport "m/p"\n' for n in range(200)}
    assert sum(map(len, graph(files(texts)))) <= 200 + 200 + 200


def test_the_nearest_of_files_with_one_name_is_meant() -> None:
    texts = {f"{side}/{deep}x/h.h": "" for side in "abc" for deep in ("", "d/")}
    texts |= {"b/d/y/u.c": '#include "x/h.h"\n', "z/u.c": '#include "x/h.h"\n'}
    found = files(texts)
    needed = [[found[need].path for need in needs] for needs in graph(found)]
    assert [path for path in needed if path] == [["b/d/x/h.h"], ["a/d/x/h.h"]]
