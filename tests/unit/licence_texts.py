"""Real licence texts, all of which ship in installed packages; none is fetched."""

import gzip
import json
import re
from functools import lru_cache
from pathlib import Path

import licenseclassifier

DEBIAN = Path("/usr/share/common-licenses")
# Of the packages that the tests need anyway.
PACKAGED = {
    "Apache-2.0": "aiosignal-*.dist-info/licenses/LICENSE",
    "MIT": "annotated_doc-*.dist-info/licenses/LICENSE",
    "MIT-0": "cffi-*.dist-info/licenses/LICENSE",
    "BSD-3-Clause": "click-*.dist-info/licenses/LICENSE.txt",
    "BSD-2-Clause": "grimp-*.dist-info/licenses/LICENSE",
    "ISC": "shellingham-*.dist-info/LICENSE",
    "MPL-2.0": "pathspec-*.dist-info/licenses/LICENSE",
    "Zlib": "numpy/_core/include/numpy/random/LICENSE.txt",
    "0BSD AND Python-2.0.1": "typing_extensions-*.dist-info/licenses/LICENSE",
    "Apache-2.0 AND MIT": "mypy/typeshed/LICENSE",
    "MIT AND MPL-2.0": "tqdm-*.dist-info/licenses/LICENCE",
    "Apache-2.0 WITH LLVM-exception": "nvidia_nvtx-*.dist-info/licenses/License.txt",
}
SYSTEM = {
    "Artistic-1.0-Perl": "Artistic", "CC0-1.0": "CC0-1.0", "GFDL-1.3-only": "GFDL-1.3",
    "GPL-2.0-only": "GPL-2", "GPL-3.0-only": "GPL-3", "LGPL-2.0-only": "LGPL-2",
    "LGPL-2.1-only": "LGPL-2.1", "LGPL-3.0-only": "LGPL-3", "MPL-1.1": "MPL-1.1",
}  # fmt: skip
_NOTE = re.compile(r"//\*\*.*?\*\*//", re.DOTALL)
_CHOICE = re.compile(r"\(\(((?:(?!\(\(|\)\)).)*)\)\)(\?\?)?", re.DOTALL)


def packaged(name: str) -> str:
    """Return the text of a file of an installed package."""
    (found,) = sorted(Path(licenseclassifier.__file__).parents[1].glob(PACKAGED[name]))[:1]
    return found.read_text(encoding="utf-8", errors="replace")


@lru_cache(maxsize=1)
def _templates() -> dict[str, str]:
    data = Path(licenseclassifier.__file__).parent / "_engine" / "licenses.json.gz"
    items = json.loads(gzip.decompress(data.read_bytes()))
    return {item["id"]: item["lre"] for item in reversed(items)}


def template(name: str) -> str:
    """Return a text of the library's own data, with what may be left out left out."""
    text = re.sub(r"__\d+__", " Ann Miller ", _NOTE.sub("", _templates()[name]))
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda match: "" if match[2] else match[1].split("||")[0], text)
    return text
