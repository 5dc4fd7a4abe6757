"""The tables of a corpus's report, each with the picture that shows it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oremill.specs.corpus import Dedup, Licences
from pipeline_steps import sentinels
from pipeline_steps.corpus import plots
from pipeline_steps.corpus.asked import Asked
from pipeline_steps.corpus.grounds import grounds
from pipeline_steps.corpus.samples import Dropped
from pipeline_steps.report import Table, amount, share, short, size

LARGEST = 12  # clusters that are named
MOST = 60  # languages, licences, tags; the manifest's counters have all
REPLACED_BY = {
    "secrets": sentinels.KEY,
    "passwords": sentinels.PASSWORD,
    "emails": sentinels.EMAIL,
    "addresses": "private ones",
    "names": sentinels.NAME,
}
Counted = Mapping[str, Any]


def funnel(stages: Sequence[Counted], on: Sequence[str]) -> Table:
    """What each stage that is on dropped, and what it left."""
    whole = stages[0]["bytesIn"]
    shown = [one for one in stages if one["stage"] in on]
    rows = [
        (
            one["stage"],
            amount(one["filesIn"] - one["filesOut"]),
            size(one["bytesIn"] - one["bytesOut"]),
            amount(one["filesOut"]),
            size(one["bytesOut"]),
            share(one["bytesOut"], whole),
        )
        for one in shown
    ]
    off = ", ".join(one["stage"] for one in stages if one["stage"] not in on)
    note = (
        "A file is dropped by the first stage that refuses it. Bytes are those of files as they "
        "came, before anything was replaced in them." + (f" Switched off: {off}." if off else "")
    )
    header = ("stage", "files dropped", "bytes dropped", "files left", "bytes left", "share left")
    return Table("Stages", note, header, rows, plots.funnel(shown))


def reasons(dropped: Sequence[Dropped], whole: int, asked: Sequence[Asked]) -> Table:
    """Why files were dropped.

    Args:
        dropped: by reason.
        whole: bytes that were read.
        asked: fields of the spec.
    """
    rows = [
        (
            one.stage,
            one.reason,
            amount(one.files),
            size(one.bytes),
            share(one.bytes, whole),
            ", ".join(" ".join(part) for part in grounds(asked, one.stage, one.reason).items()),
        )
        for one in dropped
    ]
    note = (
        "By the first rule that a file broke, with the fields of the spec that decide it; "
        "docs/corpus.md says what each rule asks."
    )
    header = ("stage", "rule", "files", "bytes", "share", "by")
    return Table("Reasons", note, header, rows)


def examples(dropped: Sequence[Dropped]) -> Table:
    """Some files of each reason."""
    rows = [
        (one.stage, one.reason, short(file["value"]), short(file["place"]), size(file["bytes"]))
        for one in dropped
        for file in one.examples
    ]
    note = (
        "Drawn by a hash of the file's place. The value is what the rule found: what was measured, "
        "the licence, or how alike which file is. The command oremill story tells it of any file."
    )
    header = ("stage", "rule", "value", "file", "bytes")
    return Table("Samples of drops", note, header, rows, folded=True)


def languages(found: Mapping[str, Counted]) -> Table:
    """The languages of the corpus."""
    whole = sum(one["bytes"] for one in found.values())
    most = sorted(found.items(), key=lambda item: (-item[1]["bytes"], item[0]))
    rows = [
        (name, amount(one["files"]), size(one["bytes"]), share(one["bytes"], whole))
        for name, one in most[:MOST]
    ]
    note = f"Of the {len(found)} languages of the corpus, as GitHub's linguist names them."
    header = ("language", "files", "bytes", "share")
    return Table("Languages", note, header, rows, plots.languages(found), folded=True)


def licences(costs: Mapping[str, Any], rules: Licences) -> Table:
    """What the licence policy kept and cost."""
    found = [*costs["licences"], *_unlicensed(costs["unlicensed"], rules.unlicensed)]
    found = sorted(found, key=lambda one: (-one["bytes"], one["licence"]))
    rows = [
        (
            str(short(one["licence"])) or "none found",
            one["decision"],
            amount(one["files"]),
            size(one["bytes"]),
            share(one["share"], 1),
        )
        for one in found
    ]
    allowed = f"{len(rules.allow)} own identifiers" if rules.allow else rules.preset
    note = (
        f"The policy (allowed: {allowed}; unlicensed: {rules.unlicensed}; by {rules.mode}) kept "
        f"{costs['kept']['share']:.1%} of the bytes that it judged. No licence was found for "
        f"{costs['unlicensed']['share']:.1%}; one that is not allowed for "
        f"{costs['notAllowed']['share']:.1%}."
    )
    header = ("licence", "decision", "files", "bytes", "share")
    picture = plots.licences(_by_licence(found)) if found else ""
    return Table("Licences", note, header, rows[:MOST], picture, folded=True)


def _unlicensed(total: Counted, policy: str) -> list[dict[str, Any]]:
    decision = "kept" if policy == "keep" else "no-licence"
    return [{"licence": "", "decision": decision, **total}] if total["files"] else []


def _by_licence(found: Sequence[Counted]) -> list[tuple[str, int, int]]:
    totals: dict[str, list[int]] = {}
    for one in found:
        both = totals.setdefault(one["licence"] or "none found", [0, 0])
        both[one["decision"] != "kept"] += one["bytes"]
    rows = [(name, kept, lost) for name, (kept, lost) in totals.items()]
    return sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))


def duplicates(kinds: Sequence[Counted], sizes: Sequence[Counted], rules: Dedup) -> Iterator[Table]:
    """How many copies there were, and how many files a cluster has."""
    rows = [
        (one["stage"], amount(one["files"]), size(one["bytes"]), amount(one["inside"]))
        for one in kinds
    ]
    note = (
        f"A near-duplicate shares so many shingles of {rules.near.shingle} tokens with a kept file "
        f"that their true Jaccard similarity is at least {rules.near.threshold:g}."
    )
    header = ("stage", "files dropped", "bytes dropped", "of them within a repository")
    yield Table("Duplicates", note, header, rows)
    labels = [_between(one["most"]) for one in sizes]
    rows = [
        (label, amount(one["clusters"]), amount(one["files"]), size(one["bytes"]))
        for label, one in zip(labels, sizes, strict=True)
    ]
    note = "A cluster is a file and all that was dropped as its copy, byte for byte or nearly."
    counts = [one["clusters"] for one in sizes]
    picture = plots.counts(labels, counts, "cluster", "Clusters by size") if sizes else ""
    header = ("files of a cluster", "clusters", "files dropped", "bytes dropped")
    yield Table("Sizes of clusters", note, header, rows, picture, folded=True)


def _between(most: int) -> str:
    return "2" if most == 2 else f"{most // 2 + 1} to {most}"


def similarities(found: Sequence[Counted]) -> Table:
    """How alike the near-duplicates are."""
    labels = [f"{one['twentieth'] / 20:.2f} to {(one['twentieth'] + 1) / 20:.2f}" for one in found]
    rows = [
        (label, amount(one["files"]), size(one["bytes"]))
        for label, one in zip(labels, found, strict=True)
    ]
    note = "Near-duplicates by their Jaccard similarity to the file that was kept."
    about = "Near-duplicates by similarity"
    picture = plots.counts(labels, [one["files"] for one in found], "file", about) if found else ""
    header = ("similarity", "files", "bytes")
    return Table("Similarity", note, header, rows, picture, folded=True)


def largest(found: Sequence[Counted]) -> Table:
    """The clusters with most copies."""
    rows = [(short(one["first"]), amount(one["copies"]), size(one["bytes"])) for one in found]
    note = "By the number of copies, with the file that they are copies of."
    header = ("file", "copies", "their bytes")
    return Table("Largest clusters", note, header, rows, folded=True)


def redaction(redacted: Mapping[str, int], audit: Mapping[str, Any]) -> Table:
    """What was replaced, and what a second detector found afterwards."""
    rows = [
        (kind, REPLACED_BY[kind], amount(count), amount(audit["kinds"].get(kind, 0)))
        for kind, count in redacted.items()
    ]
    note = (
        "Replaced in files of the corpus. Then a second detector, which shares no rule with the "
        "first and finds too much rather than too little, read a sample: "
        f"{audit['statement'] if audit['files'] else 'of no file, as the spec asks'}."
    )
    header = ("kind", "replaced by", "times", "found afterwards in the sample")
    return Table("Redaction", note, header, rows)


def tags(found: Mapping[str, int]) -> Table:
    """Insecure patterns that files of the corpus are tagged with."""
    most = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    rows = [(rule, amount(count)) for rule, count in most[:MOST]]
    note = "Files of the corpus that have a pattern of a severity that the spec tags."
    return Table("Insecure patterns", note, ("rule", "files"), rows, folded=True)


def mixture(taken: Mapping[str, Counted], unit: str) -> Table:
    """What each role gives to the corpus."""
    rows = [
        (role, f"{one['wanted']:.1%}", f"{one['reached']:.1%}", f"{one['rate']:.2f}", one["note"])
        for role, one in taken.items()
    ]
    note = (
        "Code is taken once; the other roles are thinned out or repeated to fit their weights. "
        f"Shares are of {unit}, before anything was replaced."
    )
    header = ("role", "by the weights", "in the corpus", "times a file is taken", "note")
    picture = plots.mixture(taken) if len(taken) > 1 else ""
    return Table("Mixture", note, header, rows, picture)


def sources(found: Sequence[tuple[str, int, int, int, int]]) -> Table:
    """What each source gave."""
    rows = [
        (name, amount(files), size(read), amount(kept), size(left), share(left, read))
        for name, files, read, kept, left in found
    ]
    note = "What was read of each source of the spec, and what of it is in the corpus."
    header = ("source", "files read", "bytes read", "files kept", "bytes kept", "share kept")
    return Table("Sources", note, header, rows)
