"""The documents name what exists: reasons, files and links."""

import re
from pathlib import Path

import pytest

from oremill.names import REASONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("devcluster/*.md")])
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


@pytest.mark.parametrize(
    "reason", sorted({reason for group in REASONS.values() for reason in group})
)
def test_every_reason_has_a_row_in_operations(reason: str) -> None:
    assert f"| {reason} |" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not broken


def test_operations_names_no_reason_that_does_not_exist() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    rows = set(re.findall(r"^\| ([A-Z][A-Za-z]+) \|", text, re.M))
    assert rows == {reason for group in REASONS.values() for reason in group}
