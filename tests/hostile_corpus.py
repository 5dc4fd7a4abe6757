"""A small corpus whose files have names and texts that look like markup and control characters."""

import json
from pathlib import Path

from oremill import names
from pipeline_steps.evaluate.steplang import MIT
from tests.minio_server import MinioServer
from tests.unit.test_corpus_stage import BUCKET, Done, archive, carried_out, fetched

BODY = "".join(f"def part_{i}(value):\n    return value + offset_{i * 7}\n\n" for i in range(40))
SCRIPT = "<script>alert('x')</script>|`a`.py"
CRANK = "turn <img src=x onerror=alert(1)>|the crank of the mill until ore comes out"
CALL = "eval(input())\n"
FILES = {
    "LICENSE": MIT,
    SCRIPT: BODY,
    "a.py": BODY,  # a copy
    "near.py": BODY.replace("offset_7", "changed"),
    "near copy.py": BODY.replace("offset_7", "changed"),
    "bad\nname.py": "x = 1\n",
    "page.py": "# by ann@corp.io and bob@corp.io\nEND = 1\n",
    "eval.py": CALL,
    "[id].tsx": "export const x = <div>text</div>;\n",
    "odd.py": f"# {CRANK}\n",
    "broken.py": "def f(:\n",
    "x.min.js": "function a(){return 1}",
}
PROBLEM = {"task_id": "<b>|1", "prompt": CRANK}
SPEC = {
    "sources": [{"name": "demo", "archives": {"prefix": "hostile/"}}],
    "decontamination": [{"key": "hostile.jsonl", "ngram": 0}],
    "security": {"insecure": {"high": "tag"}},
}


def made(minio: MinioServer, folder: Path) -> Done:
    """Run the stage on these files."""
    store = minio.store(BUCKET)
    (folder / "one").write_bytes(archive("own", FILES))
    store.upload(folder / "one", "hostile/own.tar.gz")
    store.write("hostile.jsonl", json.dumps(PROBLEM) + "\n")
    return carried_out(minio, folder, "hostile", spec=SPEC)


def downloaded(done: Done) -> Path:
    """Return the artifact's files with the manifest, as `mc cp --recursive` brings them."""
    found = fetched(done)
    (found / names.MANIFEST).write_text(done[1].model_dump_json(by_alias=True))
    return found
