"""The stages of a corpus in the order in which files meet them, and which of them a spec asks for.

A file is dropped by the first stage that refuses it. Two stages refuse some files early or late,
under their own name: a language's cap counts what exact deduplication left, and a repository of a
benchmark is never read any further.
"""

from oremill.specs.corpus import DataCorpusSpec, Languages, Quality
from oremill.specs.thresholds import Thresholds, resolved

STAGES = (
    "opt-out", "read", "language", "licence", "quality", "parse", "security", "lint",
    "exact-dedup", "decontamination", "near-dedup", "mixture",
)  # fmt: skip


def on(spec: DataCorpusSpec) -> tuple[str, ...]:
    """Return the stages that can drop or tag a file of a spec."""
    asked = {
        "opt-out": bool(spec.opt_out.repositories or spec.opt_out.paths or spec.opt_out.key),
        "language": _chooses(spec.languages),
        "licence": (spec.licences.preset, spec.licences.unlicensed) != ("all", "keep")
        or bool(spec.licences.allow),
        "quality": _judges(spec.quality),
        "parse": bool(spec.parse.languages),
        "security": _looks_for_harm(spec),
        "lint": bool(spec.lint.rules),
        "exact-dedup": spec.dedup.exact,
        "decontamination": bool(spec.decontamination),
        "near-dedup": spec.dedup.near.enabled,
        "mixture": spec.mixture.enabled and len({source.role for source in spec.sources}) > 1,
    }
    return tuple(stage for stage in STAGES if asked.get(stage, True))


def met(spec: DataCorpusSpec, source: str, language: str, last: str) -> tuple[str, ...]:
    """Return the stages that a file met.

    Args:
        spec: of the corpus.
        source: of the file, by name.
        language: of the file.
        last: stage that dropped it, "" for a file of the corpus.
    """
    role = next((one.role for one in spec.sources if one.name == source), "code")
    about: dict[str, set[str]] = {"parse": set(spec.parse.languages), "lint": {"Python"}}
    until = STAGES.index(last) + 1 if last else len(STAGES)
    return tuple(
        stage
        for stage in on(spec)
        if stage in STAGES[:until]
        and (stage not in about or (role == "code" and language in about[stage]))
    )


def _chooses(rules: Languages) -> bool:
    return rules.unknown == "drop" or bool(rules.include or rules.exclude or rules.caps)


def _judges(rules: Quality) -> bool:
    bounds = resolved(rules.preset, rules)
    return rules.drop_generated or rules.drop_vendored or bounds != Thresholds()


def _looks_for_harm(spec: DataCorpusSpec) -> bool:
    harm = spec.security.insecure
    return {spec.security.malware, harm.high, harm.medium, harm.low} != {"keep"}
