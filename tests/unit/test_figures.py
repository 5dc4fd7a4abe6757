"""A picture is made of the numbers alone, takes the page's colours, and holds labels as text."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from pipeline_steps.figures import COLOURS, Series, bars

ROOT = Path(__file__).parents[2]
LABELS = ("<script>", "a & b", "$x^2$ \\frac{", "世界", "new\nline", "a label that is far too long")
SCRIPT = """
from tests.unit.test_figures import picture
print(picture(), end="")
"""


def picture() -> str:
    values = [3.0, 0.0, 2.0, 5.0, 1.0, 4.0]
    series = [Series("kept", "blue", values), Series("gone", "orange", values[::-1])]
    return bars(LABELS, series, [str(value) for value in values], "kept & gone")


def test_labels_are_text_whatever_they_hold() -> None:
    found = ElementTree.fromstring(picture())
    texts = [one.text for one in found.iter() if one.tag.endswith("text")]
    wanted = ["<script>", "a & b", "$x^2$ \\frac{", "世界", "new\\nline", "a label that is far…"]
    assert [text for text in texts if text in wanted] == wanted
    assert found.get("aria-label") == "kept & gone"


def test_another_process_and_another_matplotlibrc_draw_the_same(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 30\naxes.facecolor: red\nsvg.fonttype: path")
    drawn = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PYTHONPATH": ":".join(sys.path), "MPLCONFIGDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert drawn.stdout == picture()


def test_a_picture_takes_the_pages_colours_and_leads_nowhere() -> None:
    drawn = picture()
    for name in ("blue", "orange"):
        assert f"fill: var(--{name}, {COLOURS[name]})" in drawn
    assert "href" not in drawn and "url(" not in drawn and "<style" not in drawn
    assert ' id="' not in drawn  # a page holds several


def test_a_picture_of_nothing_is_drawn() -> None:
    drawn = bars(("none",), [Series("bytes", "blue", [0])], ("0 B",), "nothing")
    assert ElementTree.fromstring(drawn).get("viewBox") == "0 0 720 23"
