"""Which field of the spec stands behind a drop: what to change for a file to pass.

The rules of reading (a file is binary, an archive is damaged) have no field: they always hold.
"""

from collections.abc import Mapping, Sequence

from pydantic.alias_generators import to_camel

from pipeline_steps.corpus.asked import Asked
from pipeline_steps.corpus.quality import RULES

OF_STAGE = {
    "opt-out": ("optOut",),
    "parse": ("parse.maxErrorShare",),
    "lint": ("lint.rules",),
    "exact-dedup": ("dedup.exact",),
    "decontamination": ("decontamination",),
    "near-dedup": ("dedup.near.threshold",),
    "mixture": ("mixture.weights",),
}
OF_RULE = {
    ("read", "too-large"): ("quality.maxFileBytes",),
    ("language", "unknown-language"): ("languages.unknown",),
    ("language", "not-included"): ("languages.include",),
    ("language", "excluded"): ("languages.exclude",),
    ("language", "over-cap"): ("languages.caps",),
    ("licence", "no-licence"): ("licences.unlicensed",),
    ("licence", "not-allowed"): ("licences.preset", "licences.allow"),
    ("quality", "minified"): ("quality.dropGenerated",),
    ("quality", "generated"): ("quality.dropGenerated",),
    ("quality", "vendored"): ("quality.dropVendored",),
    ("security", "malware"): ("security.malware",),
    ("security", "insecure"): ("security.insecure",),
}


def fields(stage: str, rule: str) -> tuple[str, ...]:
    """Return the fields, without "spec.", by which a rule drops; () for a rule of reading."""
    bounds = tuple(f"quality.{to_camel(one.bound)}" for one in RULES if one.reason == rule)
    if stage == "quality" and bounds:
        return bounds
    return OF_RULE.get((stage, rule), OF_STAGE.get(stage, ()))


def grounds(asked: Sequence[Asked], stage: str, rule: str) -> Mapping[str, str]:
    """Return the fields behind a rule and what they asked; an empty list asked nothing.

    A field with parts stands for all of them: `security.insecure` is its three severities.
    """
    wanted = fields(stage, rule)
    return {
        one.field: one.value
        for one in asked
        if one.value != "[]" and any(_is_part(one.field, name) for name in wanted)
    }


def _is_part(field: str, of: str) -> bool:
    return field == of or field.startswith((f"{of}.", f"{of}["))
