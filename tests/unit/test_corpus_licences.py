"""Licences come from texts; the nearest decides; every doubt counts against the file."""

import re
import textwrap
from pathlib import Path

import duckdb
import pytest

from oremill.specs.allowlists import PERMISSIVE, WEAK_COPYLEFT
from oremill.specs.corpus import Licences
from pipeline_steps.corpus import hints, notices, policy, spdx
from pipeline_steps.corpus.licences import NONE, Licence, Tree, is_licence_file, refusal
from pipeline_steps.corpus.notices import licence_file, own_licence, readme_section
from pipeline_steps.errors import UserError
from pipeline_steps.evaluate.steplang import MIT
from tests.unit import licence_texts

APACHE = (Path(__file__).parents[2] / "LICENSE").read_text()
GPL_NOTICE = """\
# This program is free software: you can redistribute it and/or modify
# it under the terms of the GNU General Public License as published by
# the Free Software Foundation, either version 3 of the License, or
# (at your option) any later version.
"""
APACHE_NOTICE = """\
/*
 * Copyright 2019 The Mill Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 */
int x;
"""
CLASSPATH = """
Linking this library statically or dynamically with other modules is making a combined work based
on this library. As a special exception, the copyright holders of this library give you permission
to link this library with independent modules to produce an executable, regardless of the license
terms of these independent modules.
"""
GPL_CLASSPATH = "GPL-3.0-or-later WITH Classpath-exception-2.0"
TEMPLATES = (
    "AFL-3.0", "Artistic-2.0", "BSL-1.0", "CDDL-1.0", "CECILL-2.1", "CPL-1.0", "ECL-2.0", "EPL-2.0",
    "EUPL-1.2", "JSON", "MS-PL", "MS-RL", "MulanPSL-2.0", "NCSA", "OFL-1.1", "OSL-3.0", "PHP-3.01",
    "PostgreSQL", "QPL-1.0", "Ruby", "SSPL-1.0", "Sleepycat", "UPL-1.0", "Unlicense", "Vim",
    "WTFPL", "X11", "ZPL-2.1", "Zlib", "curl",
)  # fmt: skip


def changed(text: str) -> str:
    """Return a text under another name and year, wrapped otherwise, with a title."""
    named = re.sub(r"(?im)^.*copyright (\(c\)|©|\d{4}).*$", "Copyright (c) 1999 Bob Stone", text)
    blocks = (textwrap.fill(block, 60) for block in named.split("\n\n"))
    return "The licence of this package\n\n" + "\n\n".join(blocks)


@pytest.mark.parametrize("name", licence_texts.PACKAGED)
def test_a_packages_licence_file_is_identified(name: str) -> None:
    assert licence_file(licence_texts.packaged(name)) == name


@pytest.mark.skipif(not licence_texts.DEBIAN.is_dir(), reason="the system ships no licence texts")
@pytest.mark.parametrize("name", licence_texts.SYSTEM)
def test_a_systems_licence_text_is_identified(name: str) -> None:
    text = (licence_texts.DEBIAN / licence_texts.SYSTEM[name]).read_text(errors="replace")
    assert licence_file(text) == name
    assert licence_file(textwrap.indent(text, "    ")) == name


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_published_text_is_identified(name: str) -> None:
    assert name in licence_file(licence_texts.template(name)).split(" AND ")


@pytest.mark.parametrize("name", ["MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib"])
def test_another_name_year_and_width_change_nothing(name: str) -> None:
    assert licence_file(changed(licence_texts.packaged(name))) == name


LOOK_ALIKES = {
    "all rights reserved": "Copyright 2020 Mill. All rights reserved.\n",
    "a mention": "This folder holds code that was written at MIT, under no licence so far.\n",
    "an end user agreement": "You may not copy, modify or distribute this software.\n" * 5,
    "a story": "The mill ground ore by day and by night, and nobody was licensed to stop it.\n" * 9,
    "a pointer": ".. include:: ../LICENSE\n",
    "permission for nobody": "Permission is hereby denied to any person obtaining a copy.\n",
}


@pytest.mark.parametrize("text", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_what_only_looks_like_a_licence_is_none(text: str) -> None:
    assert licence_file(text) == own_licence(text) == ""


def test_a_changed_permission_is_no_longer_the_mit_licence() -> None:
    twisted = MIT.replace("without restriction", "for non-commercial research only, and with every")
    assert licence_file(twisted) != "MIT"


def test_an_exception_is_named_with_its_licence() -> None:
    gpl = GPL_NOTICE.replace("# ", "")
    assert own_licence(f"/*\n{gpl}*/") == "GPL-3.0-or-later"
    assert own_licence(f"/*\n{gpl}{CLASSPATH}*/") == GPL_CLASSPATH
    if licence_texts.DEBIAN.is_dir():
        text = (licence_texts.DEBIAN / "GPL-3").read_text()
        assert licence_file(text + CLASSPATH) == GPL_CLASSPATH.replace("or-later", "only")


def test_the_nearest_licence_text_up_the_tree_decides() -> None:
    tree = Tree({"LICENSE": MIT, "vendor/z/COPYING": APACHE, "vendor/z/src/a.py": "x"})
    assert tree.licence("src/deep/a.py") == Licence("MIT", "text")
    assert tree.licence("vendor/a.py").expression == "MIT"
    assert tree.licence("vendor/z/src/a.py").expression == "Apache-2.0"


def test_two_licences_in_one_folder_both_bind() -> None:
    tree = Tree({"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE})
    assert tree.licence("a.rs").expression == "Apache-2.0 AND MIT"


def test_a_licence_file_in_no_known_words_counts_as_none() -> None:
    tree = Tree({"LICENSE": MIT, "docs/license.rst": ".. include:: ../LICENSE"})
    assert tree.licence("docs/a.py").expression == "MIT"
    assert Tree({"LICENSE": "All rights reserved."}).licence("a.py") == NONE


def test_a_licence_file_may_be_a_tag() -> None:
    tree = Tree({"COPYING": "SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note\n"})
    assert tree.licence("a.c").expression == "GPL-2.0-only WITH Linux-syscall-note"


HEADS = [
    ("a choice", "# SPDX-License-Identifier: MIT OR Apache-2.0\nimport os\n", "MIT OR Apache-2.0"),
    ("a tag in a C comment", "/* SPDX-License-Identifier: GPL-2.0-only */\n", "GPL-2.0-only"),
    ("an old name", "// SPDX-License-Identifier: GPL-2.0+\n", "GPL-2.0-or-later"),
    ("two tags", "# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: ISC\n", "ISC AND MIT"),
    ("the GPL's notice", GPL_NOTICE + "import os\n", "GPL-3.0-or-later"),
    ("Apache's notice", APACHE_NOTICE, "Apache-2.0"),
    ("a docstring", f'"""The mill.\n\n{MIT}"""\nx = 1\n', "MIT"),
    ("lines of comment", textwrap.indent(MIT, "// ", lambda line: True) + "int x;\n", "MIT"),
    ("after a shebang", f"#!/bin/sh\n#\n{GPL_NOTICE}echo\n", "GPL-3.0-or-later"),
    ("a mention", "import os  # MIT is a university\n", ""),
    ("a notice in a string", f"x = 1\ny = '''{MIT}'''\n", ""),
]


@pytest.mark.parametrize(("text", "wanted"), [row[1:] for row in HEADS], ids=[r[0] for r in HEADS])
def test_a_file_may_speak_for_itself(text: str, wanted: str) -> None:
    assert own_licence(text) == wanted
    assert Tree({"LICENSE": MIT, "a.py": text}).licence("a.py").expression == (wanted or "MIT")


SECTIONS = [
    ("# Mill\n\n## License\n\nMIT\n", "MIT"),
    ("# Mill\n\n## License\n\nReleased under the [Apache License 2.0](LICENSE).\n", "Apache-2.0"),
    ("Mill\n====\n\nLicense\n-------\n\nBSD 3-Clause, see LICENSE.\n", "BSD-3-Clause"),
    ("# Mill\n### Licence\nGPLv3\n\n# Thanks\nto MIT\n", "GPL-3.0-only"),
    ("# Mill\n## License\nDual-licensed under MIT or Apache 2.0.\n", "Apache-2.0 OR MIT"),
    ("# Mill\n## License\n" + MIT, "MIT"),
    ("# Mill\n## License\nAsk us.\n", ""),
    ("# Mill\nWe like the MIT License.\n", ""),
]


@pytest.mark.parametrize(("text", "wanted"), SECTIONS)
def test_a_readmes_section_tells_the_licence(text: str, wanted: str) -> None:
    assert readme_section(text) == wanted
    assert Tree({"README.md": text}).licence("src/a.py").expression == wanted


def test_a_licence_text_goes_before_the_readme_beside_it() -> None:
    tree = Tree({"README.md": "# M\n## License\nGPLv3\n", "LICENSE": MIT})
    assert tree.licence("a.py") == Licence("MIT", "text")


REUSE = """\
version = 1
[[annotations]]
path = ["data/**", "*.csv"]
SPDX-License-Identifier = "CC0-1.0"
[[annotations]]
path = "data/own/*"
SPDX-License-Identifier = ["MIT", "ISC"]
"""


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("a.py", Licence("Apache-2.0 AND MIT", "reuse")),
        ("logo.svg", Licence("CC-BY-4.0", "side-file")),
        ("tagged.py", Licence("ISC", "head")),
        ("data/x/y.txt", Licence("CC0-1.0", "reuse")),
        ("ores.csv", Licence("CC0-1.0", "reuse")),
        ("deep/ores.csv", Licence("Apache-2.0 AND MIT", "reuse")),
        ("data/own/z.txt", Licence("ISC AND MIT", "reuse")),
    ],
)
def test_reuse_speaks_for_files(path: str, wanted: Licence) -> None:
    tree = Tree(
        {
            "LICENSES/MIT.txt": MIT,
            "LICENSES/Apache-2.0.txt": "the text is named by the file",
            "logo.svg": "<svg/>",
            "logo.svg.license": "SPDX-License-Identifier: CC-BY-4.0",
            "tagged.py": "# SPDX-License-Identifier: ISC\n",
            "REUSE.toml": REUSE,
        }
    )
    assert tree.licence(path) == wanted


METADATA = [
    ("pyproject.toml", '[project]\nlicense = "MIT"\n', "MIT"),
    ("pyproject.toml", '[project]\nlicense = {text = "Apache-2.0"}\n', "Apache-2.0"),
    (
        "pyproject.toml",
        '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]\n',
        "MIT",
    ),
    ("package.json", '{"license": "ISC"}', "ISC"),
    ("package.json", '{"license": {"type": "MIT"}}', "MIT"),
    ("composer.json", '{"license": ["MIT", "GPL-2.0-only"]}', "MIT OR GPL-2.0-only"),
    ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n', "MIT OR Apache-2.0"),
    ("PKG-INFO", "Name: mill\nLicense: MIT\n\nText\n", "MIT"),
    ("PKG-INFO", "License: x\nClassifier: License :: OSI Approved :: MIT License\n", "MIT"),
    ("setup.cfg", "[metadata]\nlicense = MIT\n", "MIT"),
    ("mill.gemspec", "  s.license = 'MIT'\n", "MIT"),
    ("pom.xml", "<licenses><license><name>MIT</name></license></licenses>", "MIT"),
    ("package.json", '{"license": "SEE LICENSE IN x"}', ""),
    ("package.json", "not json", ""),
    ("Cargo.toml", "[workspace]\n", ""),
    ("other.json", '{"license": "ISC"}', ""),
]


@pytest.mark.parametrize(("path", "text", "wanted"), METADATA)
def test_metadata_is_believed_only_when_asked_for(path: str, text: str, wanted: str) -> None:
    assert hints.metadata(path, text) == wanted
    assert Tree({path: text}).licence("src/a.x") == NONE
    found = Tree({path: text}, metadata=True).licence("src/a.x")
    assert found == (Licence(wanted, "metadata") if wanted else NONE)


def test_a_text_anywhere_up_the_tree_goes_before_metadata() -> None:
    texts = {"LICENSE": MIT, "sub/package.json": '{"license": "ISC"}'}
    assert Tree(texts, metadata=True).licence("sub/a.js").expression == "MIT"


ALLOWED = frozenset({"MIT", "Apache-2.0"})


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-or-later", False),
        ("Apache-2.0 AND MIT", True),
        ("GPL-2.0 AND MIT", False),
        ("GPL-2.0-only OR MIT", True),
        ("GPL-2.0-only OR LGPL-2.1-only", False),
        ("(MIT OR GPL-2.0) AND MIT", True),
        ("(MIT OR GPL-2.0) AND GPL-3.0-only", False),
        ("MIT AND GPL-2.0-only OR Apache-2.0", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("LicenseRef-own", False),
        ("MIT AND AND MIT", False),
        ("", False),
    ],
)
def test_an_expression_must_be_met_with_allowed_licences(expression: str, wanted: bool) -> None:
    assert spdx.is_allowed(expression, ALLOWED) is wanted


def test_a_licence_with_its_exception_can_be_allowed_alone() -> None:
    allowed = spdx.allowed(Licences(allow=["GPL-2.0-only WITH Classpath-exception-2.0"]))
    assert spdx.is_allowed("GPL-2.0-only WITH Classpath-exception-2.0", allowed)
    assert not spdx.is_allowed("GPL-2.0-only", allowed)


@pytest.mark.parametrize(
    ("rules", "expression", "reason"),
    [
        ({}, "MIT", ""),
        ({}, "MPL-2.0", "not-allowed"),
        ({}, "", "no-licence"),
        ({"unlicensed": "keep"}, "", ""),
        ({"preset": "permissive-and-weak-copyleft"}, "MPL-2.0", ""),
        ({"preset": "permissive-and-weak-copyleft"}, "GPL-3.0-only", "not-allowed"),
        ({"preset": "any-detected"}, "GPL-3.0-only", ""),
        ({"preset": "any-detected"}, "LicenseRef-own", "not-allowed"),
        ({"preset": "all"}, "LicenseRef-own", ""),
        ({"preset": "all"}, "no expression (", ""),
        ({"preset": "all"}, "", "no-licence"),
        ({"preset": "all", "allow": ["MIT"]}, "GPL-3.0-only", "not-allowed"),
        ({"allow": ["GPL-2.0"]}, "GPL-2.0-only", ""),
        ({"allow": ["GPL-2.0"]}, "MIT", "not-allowed"),
    ],
)
def test_a_policy_is_a_list_and_a_word_about_the_unlicensed(
    rules: dict[str, object], expression: str, reason: str
) -> None:
    assert refusal(Licence(expression, "text"), Licences.model_validate(rules)) == reason


def test_an_unknown_identifier_in_the_list_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"spec.licences.allow\[1\]: 'Apche-2.0' .* 'Apache-2.0'"):
        spdx.allowed(Licences(allow=["MIT", "Apche-2.0"]))


def test_the_named_lists_hold_licences_that_spdx_or_its_past_knows() -> None:
    assert len(PERMISSIVE) > 200 and not PERMISSIVE & WEAK_COPYLEFT
    unknown = {name for name in PERMISSIVE | WEAK_COPYLEFT if not spdx.is_known(name)}
    assert unknown == set()
    assert not {"GPL-2.0-only", "GPL-3.0-only", "AGPL-3.0-only"} & (PERMISSIVE | WEAK_COPYLEFT)


def test_a_repository_can_be_judged_by_its_strictest_licence() -> None:
    tree = Tree({"LICENSE": MIT, "a.py": "x", "lib/b.py": GPL_NOTICE + "x = 1\n"})
    assert tree.ruling("a.py", "file").expression == "MIT"
    ruling = tree.ruling("a.py", "repository")
    assert ruling == Licence("GPL-3.0-or-later AND MIT", "repository")
    assert refusal(ruling, Licences()) == "not-allowed"
    assert Tree({"a.py": "x"}).ruling("a.py", "repository") == NONE


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("LICENSE", True),
        ("a/LICENCE.md", True),
        ("COPYING.LESSER", True),
        ("LICENSE-MIT", True),
        ("UNLICENSE", True),
        ("src/mitigate.py", False),
        ("licenser/a.py", False),
    ],
)
def test_licence_files_are_known_by_name(path: str, wanted: bool) -> None:
    assert is_licence_file(path) is wanted


FATES = [
    (0, "a", "Python", "MIT", 10, "", ""),
    (1, "b", "Python", "MIT", 20, "quality", "long-line"),
    (2, "c", "Go", "GPL-3.0-only", 30, "licence", "not-allowed"),
    (3, "d", "Go", "", 40, "licence", "no-licence"),
    (4, "e", "Python", "MIT", 50, "", ""),
    (5, "f", "", "", 60, "language", "unknown-language"),
]


def ledger() -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute(
        "CREATE TABLE fates (part INT, row BIGINT, source TEXT, repository TEXT, path TEXT,"
        " sha256 TEXT, language TEXT, licence TEXT, bytes BIGINT, stage TEXT, reason TEXT)"
    )
    for row, path, language, licence, size, stage, reason in FATES:
        sha = f"{9 - row}"
        values = [0, row, "s", "r", path, sha, language, licence, size, stage, reason]
        db.execute("INSERT INTO fates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    db.execute("CREATE TABLE drops (part INT, row BIGINT, stage TEXT, reason TEXT, value TEXT)")
    return db


def test_the_cost_of_each_decision_is_shown() -> None:
    with ledger() as db:
        costs = policy.licence_costs(db)
    assert costs["judged"] == {"files": 5, "bytes": 150, "share": 1.0}
    assert costs["kept"] == {"files": 3, "bytes": 80, "share": round(80 / 150, 6)}
    assert costs["unlicensed"]["bytes"] == 40 and costs["notAllowed"]["bytes"] == 30
    assert [(row["licence"], row["decision"]) for row in costs["licences"]] == [
        ("MIT", "kept"),
        ("GPL-3.0-only", "not-allowed"),
    ]


@pytest.mark.parametrize(
    ("cap", "dropped"), [(60, []), (59, [0]), (50, [0]), (49, [0, 4]), (0, [0, 4])]
)
def test_a_language_is_kept_up_to_its_cap_by_the_order_of_hashes(
    cap: int, dropped: list[int]
) -> None:
    with ledger() as db:
        policy.drop_beyond_caps(db, {"Python": cap, "Go": 0})
        found = db.execute("SELECT row, stage, reason, value FROM drops ORDER BY row").fetchall()
    assert found == [(row, "language", "over-cap", "Python") for row in dropped]


def test_a_text_is_identified_once() -> None:
    notices.identified.cache_clear()
    for name in ("a", "b", "c"):
        Tree({"LICENSE": MIT, name: "x"}).licence(name)
    assert notices.identified.cache_info().misses == 1
