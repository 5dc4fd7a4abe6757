"""A corpus whose spec changed is made again only where it differs, and forgets who opted out."""

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from oremill import names
from pipeline_steps import cleanup
from pipeline_steps.corpus import partitions, screen
from pipeline_steps.corpus.parts import cost_of
from pipeline_steps.corpus.sources import door
from pipeline_steps.evaluate.steplang import MIT
from pipeline_steps.storage import Store
from tests import corpus_runs
from tests.corpus_runs import Done, archive
from tests.corpus_sources import corpus
from tests.minio_server import MinioServer

BUCKET = "corpus-replay"
REPOSITORIES = 20
SOURCE = {"name": "demo", "archives": {"prefix": "in/"}}
SAID = "the sentence that its owner wants back"
ALL = partitions.FEWEST  # partitions of the corpus, each with a repository


def program(seed: int, changed: int = 0) -> str:
    """Return a program of 60 functions; one in which a few are changed is like it."""
    chosen = random.Random(seed)
    lines = [f"def step_{chosen.randrange(10**6)}(x):\n    return x + {i}\n" for i in range(60)]
    for number in range(changed):
        lines[number * 7] = f"def other_{seed}_{number}(y):\n    return y - {number}\n"
    return "\n".join(lines)


def repository(number: int) -> dict[str, str]:
    """Return files that are like nobody's, but that r-2 and r-4 have one of r-1, r-4 nearly."""
    files = {"LICENSE": MIT, "own.py": program(number), "more/own.py": program(number + 500)}
    if number == 1:
        files |= {"said.py": f"# {SAID}\n{program(1001)}", "like.py": program(1004)}
    if number in (1, 2):
        files["shared.py"] = program(1002)
    if number == 4:
        files["like.py"] = program(1004, 2)
    return files


@pytest.fixture(scope="module")
def store(minio: MinioServer, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made, file = minio.store(BUCKET), tmp_path_factory.mktemp("archives") / "one"
    for number in range(REPOSITORIES):
        file.write_bytes(archive("top", repository(number)))
        made.upload(file, f"in/ann/r-{number}.tar.gz")
    file.write_bytes(archive("top", {"LICENSE": MIT, "new.py": program(2000)}))
    made.upload(file, "more/ann/new.tar.gz")
    return made


@dataclass
class Object:
    """A DataCorpus that keeps its parts, and what its last run wrote."""

    minio: MinioServer
    folder: Path
    name: str
    runs: int = 0
    made: Counter[str] = field(default_factory=Counter)  # role of a part, data or copied -> objects

    def run(self, **changes: Any) -> Done:
        """Carry out the object's spec, as a new pod would."""
        self.runs += 1
        self.made.clear()
        spec = {"sources": [SOURCE], "keepParts": True} | changes
        place = self.folder / f"{self.name}-{self.runs}"
        return corpus_runs.carried_out(
            corpus_runs.places(self.minio, BUCKET, place, self.name, spec)
        )

    def afresh(self, **changes: Any) -> Done:
        """Carry out the same spec for an object that has no parts."""
        return Object(self.minio, self.folder, f"{self.name}-afresh").run(**changes)

    def uploaded(self, key: str) -> None:
        self.made[key.removeprefix(f"n/corpus/{self.name}/").split("/")[1]] += 1

    @property
    def parts(self) -> list[str]:
        """Names of the parts that are in the bucket."""
        work = f"n/corpus/{self.name}/work/"
        return [item.key.removeprefix(work) for item in self.minio.store(BUCKET).list(work)]


@pytest.fixture
def one(
    minio: MinioServer, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Object:
    """Return an object that has been made once."""
    made = Object(minio, tmp_path, tmp_path.name.replace("_", "-"))
    upload, copy = Store.upload, Store.copy

    def uploaded(self: Store, path: Path, key: str) -> str:
        made.uploaded(key)
        return upload(self, path, key)

    def copied(self: Store, key: str, etag: str, to: str) -> str:
        made.made["copied"] += 1
        return copy(self, key, etag, to)

    monkeypatch.setattr(Store, "upload", uploaded)
    monkeypatch.setattr(Store, "copy", copied)
    made.run()
    for role in ("keys", "texts", "studied", "kept", "described", "data"):
        assert made.made[role] == ALL
    return made


def roles(one: Object) -> Counter[str]:
    """Return how many parts of each role are in the bucket; some say what another one cost."""
    found = (name.partition("/")[0] for name in one.parts)
    return Counter(role for role in found if role != "cost")


def homes(store: Store, *repositories: str) -> int:
    """Return how many partitions hold these repositories."""
    items = list(door.items(corpus(SOURCE).sources[0], 0, store, Path()))
    plan = partitions.plan(items)
    return sum(any(item.repository in repositories for item in p.items) for p in plan)


def fates(done: Done) -> dict[tuple[str, str], tuple[str, str]]:
    ledger = pq.read_table(done[0].scratch / "corpus" / "ledger.parquet").to_pylist()
    return {(row["repository"], row["path"]): (row["stage"], row["reason"]) for row in ledger}


def told(done: Done) -> Any:
    """Return what of a manifest does not depend on the object's name, nor on the machine."""
    counters = {name: value for name, value in done[1].counters.items() if name != "cost"}
    return done[1].files, counters, done[1].results


def touched(one: Object) -> dict[str, int]:
    """Return what the last run made: parts by role, shards, the ledger."""
    return {role: one.made[role] for role in ("keys", "texts", "studied", "kept", "data")}


def test_an_opt_out_touches_the_partition_of_its_repository_alone(one: Object) -> None:
    opt_out = {"repositories": ["ann/r-9"]}
    done = one.run(optOut=opt_out)
    assert touched(one) == {"keys": 0, "texts": 1, "studied": 1, "kept": 1, "data": 1}
    assert one.made["shingles"] == 0
    assert one.made["copied"] == ALL - 1
    assert fates(done)["ann/r-9", "own.py"] == ("opt-out", "repository")
    assert told(done) == told(one.afresh(optOut=opt_out))


def test_what_an_owner_took_out_may_stay_where_others_have_it(one: Object, store: Store) -> None:
    done = one.run(optOut={"repositories": ["ann/r-1"]})
    found = fates(done)
    assert found["ann/r-2", "shared.py"] == found["ann/r-4", "like.py"] == ("", "")
    changed = homes(store, "ann/r-1", "ann/r-2", "ann/r-4")
    assert changed == 3
    assert touched(one) == {"keys": 0, "texts": 1, "studied": 2, "kept": 3, "data": 3}
    assert told(done) == told(one.afresh(optOut={"repositories": ["ann/r-1"]}))


def test_opting_out_counts_before_any_other_reason(one: Object) -> None:
    done = one.run(optOut={"paths": ["LICENSE", "shared.py"], "repositories": ["ann/r-3"]})
    found = fates(done)
    assert found["ann/r-2", "LICENSE"] == found["ann/r-2", "shared.py"] == ("opt-out", "path")
    assert found["ann/r-3", "LICENSE"] == ("opt-out", "repository")
    (stage, *_) = done[1].counters["stages"]
    assert stage["stage"] == "opt-out"
    assert stage["dropped"] == {"path": REPOSITORIES - 1 + 2, "repository": 3}


def test_a_new_threshold_touches_the_shards_of_what_it_decides(one: Object, store: Store) -> None:
    done = one.run(dedup={"near": {"threshold": 0.99}})
    assert fates(done)["ann/r-4", "like.py"] == ("", "")
    assert homes(store, "ann/r-4") == 1
    assert touched(one) == {"keys": 0, "texts": 0, "studied": 0, "kept": 1, "data": 1}
    assert one.made["shingles"] == 0
    assert told(done) == told(one.afresh(dedup={"near": {"threshold": 0.99}}))


@pytest.mark.parametrize("first", [False, True], ids=["behind", "in front"])
def test_an_added_repository_touches_its_own_partition(one: Object, first: bool) -> None:
    more = {"name": "more", "archives": {"prefix": "more/"}}
    sources = [more, SOURCE] if first else [SOURCE, more]
    done = one.run(sources=sources)
    assert touched(one) == {"keys": 1, "texts": 1, "studied": 1, "kept": 1, "data": 1}
    assert told(done) == told(one.afresh(sources=sources))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"languages": {"caps": [{"name": "Python", "maxBytes": 50_000}]}}, {}),
        ({"seed": 7, "mixture": {"maxEpochs": 2}}, {"studied": 0, "data": 0}),
        ({"redaction": {"emails": False}}, {"studied": 0, "data": ALL}),
        ({"decontamination": [{"benchmark": "humaneval"}]}, {"studied": ALL, "data": 0}),
        ({"licences": {"unlicensed": "keep"}}, {"keys": ALL, "texts": ALL}),
    ],
    ids=lambda value: next(iter(value), ""),
)
def test_a_change_touches_no_earlier_pass(
    one: Object, changes: dict[str, Any], wanted: dict[str, int]
) -> None:
    done = one.run(**changes)
    assert touched(one) == touched(one) | {"keys": 0, "texts": 0} | wanted
    assert told(done) == told(one.afresh(**changes))


def everything_in(store: Store, prefix: str, folder: Path) -> str:
    """Return all texts in the objects below a prefix, unpacked."""
    found = []
    for number, item in enumerate(store.list(prefix)):
        file = folder / f"object-{number}"
        store.download(item.key, file)
        if item.key.endswith(".parquet"):
            found.append(repr(pq.read_table(file).to_pylist()))
        else:
            found.append(file.read_bytes().decode("latin-1"))
    return "\n".join(found)


def test_no_object_keeps_a_text_whose_owner_opted_out(
    one: Object, store: Store, tmp_path: Path
) -> None:
    work = f"n/corpus/{one.name}/work/"
    assert SAID in everything_in(store, work, tmp_path)
    step, _ = one.run(optOut={"repositories": ["ann/r-1"]})
    assert SAID not in everything_in(store, work, tmp_path)
    assert SAID not in everything_in(store, f"{step.prefix}/", tmp_path)


def test_a_text_whose_owner_opted_out_is_never_written(
    one: Object, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    upload = Store.upload

    def looked_into(self: Store, path: Path, key: str) -> str:
        if key.endswith(".parquet"):
            seen.append(repr(pq.read_table(path).to_pylist()))
        return upload(self, path, key)

    monkeypatch.setattr(Store, "upload", looked_into)
    one.afresh(optOut={"repositories": ["ann/r-1"]})
    assert seen and not any(SAID in content for content in seen)


def test_a_second_opt_out_reads_no_source(one: Object, monkeypatch: pytest.MonkeyPatch) -> None:
    one.run(optOut={"paths": ["said.py"]})
    monkeypatch.setattr(screen, "rows", _fail)
    done = one.run(optOut={"paths": ["said.py", "own.py"]})
    monkeypatch.undo()
    assert told(done) == told(one.afresh(optOut={"paths": ["said.py", "own.py"]}))


def test_an_opt_out_that_is_taken_back_reads_its_partition_again(one: Object, store: Store) -> None:
    first = one.run()  # is there
    one.run(optOut={"repositories": ["ann/r-1"]})
    store.remove_prefix(first[0].prefix)
    again = one.run()
    assert (one.made["keys"], one.made["texts"]) == (0, 1)
    assert told(again) == told(first)


def test_parts_that_nobody_uses_do_not_pile_up(one: Object) -> None:
    before = roles(one)
    for threshold in (0.8, 0.9):
        one.run(
            dedup={"near": {"threshold": threshold}},
            optOut={"repositories": [f"ann/r-{threshold * 10:.0f}"]},
            redaction={"emails": False},
        )
    assert roles(one) == before
    told = {name for name in one.parts if name.startswith("cost/")}
    assert told and told <= set(map(cost_of, one.parts))


def test_a_run_without_keep_parts_leaves_none(one: Object) -> None:
    assert one.parts
    one.run(keepParts=False, optOut={"repositories": ["ann/r-9"]})
    assert touched(one) == {"keys": 0, "texts": 1, "studied": 1, "kept": 1, "data": 1}
    assert not one.parts


def test_keeping_parts_is_not_in_the_digest(one: Object) -> None:
    step, _ = one.run(keepParts=False)
    assert one.made == Counter() and one.parts
    assert step.prefix == one.afresh()[0].prefix.replace("-afresh", "")


def test_a_shard_that_is_gone_or_changed_is_made_again(one: Object, store: Store) -> None:
    step, manifest = one.run()
    shards = [f"{step.prefix}/{file.path}" for file in manifest.files if "data/" in file.path]
    store.remove([shards[0]])
    store.write(shards[1], "not what the manifest says")
    done = one.run(optOut={"repositories": ["none"]})
    assert (one.made["data"], one.made["copied"]) == (2, ALL)
    assert told(done) == told(one.afresh(optOut={"repositories": ["none"]}))


def test_an_artifact_that_was_removed_is_made_from_the_parts(one: Object, store: Store) -> None:
    step, manifest = one.run()
    store.remove_prefix(step.prefix)
    _, again = one.run()
    assert touched(one) == {"keys": 0, "texts": 0, "studied": 0, "kept": ALL, "data": ALL}
    assert again.files == manifest.files


def test_parts_of_other_versions_of_a_library_are_not_used(
    one: Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline_steps.corpus import work

    monkeypatch.setattr(work, "version", lambda name: "0")
    one.run(optOut={"repositories": ["none"]})
    assert touched(one) == dict.fromkeys(touched(one), ALL)


def test_parts_go_with_the_object(one: Object, store: Store) -> None:
    step, _ = one.run()
    assert names.artifact_prefix("", "n", "DataCorpus", one.name, "") == f"n/corpus/{one.name}"
    assert cleanup.cleanup(step.order, store).status == "done"
    assert not store.list(f"n/corpus/{one.name}/")


def _fail(*given: object) -> None:
    raise RuntimeError("a source is read")
