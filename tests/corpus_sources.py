"""What the tests of a corpus's sources share: a bucket, a source of it, and what is read."""

from pathlib import Path
from typing import Any

from oremill.specs import parse
from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.corpus.partitions import Item
from pipeline_steps.corpus.sources import door
from pipeline_steps.corpus.sources.members import Member
from pipeline_steps.storage import Store


def corpus(source: dict[str, Any], limit: int = 1000) -> DataCorpusSpec:
    """Return a spec with one source; a file may have `limit` bytes."""
    spec = {"sources": [{"name": "one", **source}], "quality": {"maxFileBytes": limit}}
    parsed = parse("DataCorpus", spec)
    assert isinstance(parsed, DataCorpusSpec)
    return parsed


def listed(store: Store, spec: DataCorpusSpec, folder: Path) -> list[Item]:
    """Return the items of the source."""
    return list(door.items(spec.sources[0], 0, store, folder))


def read(
    store: Store, source: dict[str, Any], folder: Path, limit: int = 1000
) -> dict[tuple[str, str], Member]:
    """Return every file of a source, by (repository, path); nothing may stay in the folder."""
    spec, found = corpus(source, limit), {}
    before = sorted(folder.iterdir())
    for item in listed(store, spec, folder):
        with door.read(item, spec, store, folder) as spool:
            members = list(spool)
        places = [(member.repository, member.path) for member in members]
        assert places == sorted(places)
        found.update(zip(places, members, strict=True))
    assert sorted(folder.iterdir()) == before
    return found


def fates(found: dict[tuple[str, str], Member]) -> dict[tuple[str, str], str]:
    """Return each file's reason, or its text."""
    return {place: member.reason or member.text for place, member in found.items()}


def put(store: Store, folder: Path, objects: dict[str, bytes]) -> None:
    """Write objects to the bucket."""
    file = folder / "object-to-upload"
    for key, content in objects.items():
        file.write_bytes(content)
        store.upload(file, key)
    file.unlink(missing_ok=True)
