"""Commands of `oremill` that read artifacts, and so need the extra `data`.

oremill story s3://models/team/corpus/tiny/0a1b... requests/sessions.py
oremill story folder-with-ledger.parquet '*/setup.py' --limit 5

What a command imports, it imports when it runs: `oremill version` needs none of it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from pipeline_steps.artifact import Artifact

# What a message about a spec's field means to who has typed a command.
TYPED = {
    "spec.storage.endpoint": "--endpoint",
    "spec.storage.caRef": "--ca",
    "spec.storage.secretRef": "the credentials",
    "spec.storage.bucket": "ARTIFACT",
}
NEAREST = 5  # places that are shown when none is meant


def story(commands: Any) -> None:
    """Add `story` to argparse's subparsers."""
    parser = commands.add_parser(
        "story",
        help="say what became of a file of a corpus",
        description="Where a file came from, the stages that it passed, which one dropped it by "
        "what value, what it is a copy of, and what was replaced in it.",
    )
    parser.add_argument(
        "artifact", help="what status.artifact.uri shows, or a folder with its files"
    )
    parser.add_argument(
        "place",
        help="id, path, repository/path or source/repository/path; * and ? stand for any letters",
    )
    parser.add_argument("--limit", type=_most, default=20, help="most files; 20 unless told")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--endpoint", help="of the bucket; $AWS_ENDPOINT_URL unless told")
    parser.add_argument("--region", help="of the bucket; $AWS_REGION or us-east-1 unless told")
    parser.add_argument("--ca", help="file with the certificate authority of the endpoint")
    parser.add_argument(
        "--secret",
        help="folder with the files accessKey and secretKey; $OREMILL_STORAGE_SECRET, or else "
        "$AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY, unless told",
    )
    parser.set_defaults(run=tell, extra="data")


def _most(typed: str) -> int:
    if not typed.isdecimal() or int(typed) < 1:
        raise argparse.ArgumentTypeError(f"{typed!r} is no number from 1 on")
    return int(typed)


def tell(chosen: argparse.Namespace) -> int:
    """Print stories; return 0, 1 when there is no such file, 2 for a mistake in what was typed."""
    import pyarrow as pa
    from pydantic import ValidationError

    from pipeline_steps.artifact import Access, artifact
    from pipeline_steps.errors import StepError

    access = Access(chosen.endpoint, chosen.region, chosen.ca, chosen.secret)
    try:
        return _tell(chosen, artifact(chosen.artifact, access))
    except StepError as error:
        message = str(error)
        for field, typed in TYPED.items():
            message = message.replace(field, typed)
    except (pa.ArrowInvalid, ValidationError) as error:
        message = f"ARTIFACT: a file of {chosen.artifact} is damaged: {error}"
    print(f"oremill story: {message}", file=sys.stderr)
    return 2


def _tell(chosen: argparse.Namespace, found: "Artifact") -> int:
    import pyarrow.parquet as pq

    from pipeline_steps.corpus import search
    from pipeline_steps.corpus.story import asked_of, stories, text

    spec = asked_of(found.manifest())
    with _ledger(found, chosen.artifact) as file, pq.ParquetFile(file) as ledger:
        rows = list(islice(search.find(ledger, chosen.place), chosen.limit + 1))
        told = stories(ledger, spec, rows[: chosen.limit])
        nearest = [] if rows else search.nearest(ledger, chosen.place, NEAREST)
    if chosen.json:
        print(json.dumps([one.public() for one in told], indent=1))
    elif told:
        print("\n\n".join(map(text, told)))
    for line in _remarks(chosen, len(rows), nearest, spec is None):
        print(line, file=sys.stderr)
    return 0 if rows else 1


def _ledger(found: "Artifact", address: str) -> BinaryIO:
    from pipeline_steps.corpus.story import LEDGER
    from pipeline_steps.errors import UserError

    try:
        return found.open(LEDGER)
    except FileNotFoundError:
        raise UserError(
            f"ARTIFACT: {address} has no {LEDGER}; give the address of a DataCorpus that is "
            "Complete: kubectl get datacorpus NAME -o jsonpath={.status.artifact.uri}"
        ) from None


def _remarks(
    chosen: argparse.Namespace, count: int, nearest: Sequence[str], blind: bool
) -> Iterator[str]:
    """Yield what is said beside the stories."""
    from pipeline_steps.report import visible

    if not count:
        yield f"no file of the corpus is {chosen.place!r}" + "; did you mean" * bool(nearest)
        yield from (f"    {visible(place)}" for place in nearest)
    if count > chosen.limit:
        yield f"there are more than {chosen.limit}: see --limit"
    if count and blind:
        yield "no manifest.json says which stages were on: all are shown"
