"""Licences come from texts; the nearest decides."""

from pathlib import Path

import pytest

from pipeline_steps.corpus.licences import Tree, is_allowed, is_licence_file, own_licence
from pipeline_steps.evaluate.steplang import MIT

APACHE = (Path(__file__).parents[2] / "LICENSE").read_text()
GPL_NOTICE = """\
# This program is free software: you can redistribute it and/or modify
# it under the terms of the GNU General Public License as published by
# the Free Software Foundation, either version 3 of the License, or
# (at your option) any later version.
"""


def test_the_nearest_licence_text_up_the_tree_decides() -> None:
    tree = Tree({"LICENSE": MIT, "vendor/z/COPYING": APACHE, "vendor/z/src/a.py": "x"})
    assert tree.licence("src/deep/a.py", "x") == "MIT"
    assert tree.licence("vendor/a.py", "x") == "MIT"
    assert tree.licence("vendor/z/src/a.py", "x") == "Apache-2.0"


def test_two_licences_in_one_folder_both_bind() -> None:
    tree = Tree({"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE})
    assert tree.licence("a.rs", "x") == "Apache-2.0 AND MIT"


def test_a_licence_file_in_no_known_words_counts_as_none() -> None:
    tree = Tree({"LICENSE": MIT, "docs/license.rst": ".. include:: ../LICENSE"})
    assert tree.licence("docs/a.py", "x") == "MIT"
    assert Tree({"LICENSE": "All rights reserved."}).licence("a.py", "x") == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("# SPDX-License-Identifier: MIT OR Apache-2.0\nimport os\n", "MIT OR Apache-2.0"),
        ("/* SPDX-License-Identifier: GPL-2.0-only */\n", "GPL-2.0-only"),
        (GPL_NOTICE + "import os\n", "GPL-3.0-or-later"),
        ("import os  # MIT is a university\n", ""),
    ],
    ids=["choice", "tag in a C comment", "notice of the GPL", "a mention"],
)
def test_a_file_may_speak_for_itself(text: str, wanted: str) -> None:
    assert own_licence(text) == wanted
    assert Tree({"LICENSE": MIT}).licence("a.py", text) == (wanted or "MIT")


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-or-later", False),
        ("Apache-2.0 AND MIT", True),
        ("GPL-2.0 AND MIT", False),
        ("GPL-2.0-only OR MIT", True),
        ("GPL-2.0-only OR LGPL-2.1-only", False),
        ("(MIT OR GPL-2.0) AND MIT", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("", False),
    ],
)
def test_every_licence_that_binds_must_be_allowed(expression: str, allowed: bool) -> None:
    assert is_allowed(expression, ["MIT", "Apache-2.0"]) is allowed


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
