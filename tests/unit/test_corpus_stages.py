"""Which stages a spec switches on, which of them a file meets, and which fields decide a drop."""

import json
from typing import Any

import pytest

from oremill.specs import parse
from oremill.specs.corpus import DataCorpusSpec
from pipeline_steps.corpus.asked import DEFAULT, SPEC, asked
from pipeline_steps.corpus.grounds import fields, grounds
from pipeline_steps.corpus.quality import RULES
from pipeline_steps.corpus.stages import STAGES, met, on

CODE: dict[str, Any] = {"name": "code", "archives": {"prefix": "in/"}}
TEXT: dict[str, Any] = {"name": "text", "role": "text", "archives": {"prefix": "docs/"}}
NO_HARM = {"malware": "keep", "insecure": {"high": "keep", "medium": "keep"}}
ANY_LANGUAGE = {"languages": {"unknown": "keep"}}
UNMIXED = {"mixture": {"enabled": False}}
ANY_LICENCE = {"licences": {"preset": "all", "unlicensed": "keep"}}
BARE = {"preset": "none", "dropGenerated": False, "dropVendored": False}


def spec(**given: Any) -> DataCorpusSpec:
    parsed = parse("DataCorpus", {"sources": [CODE], **given})
    assert isinstance(parsed, DataCorpusSpec)
    return parsed


def test_the_smallest_spec_switches_on_all_that_need_nothing_else() -> None:
    assert set(STAGES) - set(on(spec())) == {"opt-out", "decontamination", "mixture"}


@pytest.mark.parametrize(
    ("stage", "off", "given"),
    [
        ("opt-out", {}, {"optOut": {"paths": ["x"]}}),
        ("language", ANY_LANGUAGE, {"languages": {"unknown": "keep", "exclude": ["C"]}}),
        ("licence", ANY_LICENCE, {"licences": {"preset": "all"}}),
        ("quality", {"quality": BARE}, {"quality": BARE | {"maxLines": 9}}),
        ("parse", {"parse": {"languages": []}}, {}),
        ("security", {"security": NO_HARM}, {"security": {"malware": "keep"}}),
        ("lint", {"lint": {"rules": []}}, {}),
        ("exact-dedup", {"dedup": {"exact": False}}, {}),
        ("decontamination", {}, {"decontamination": [{"benchmark": "humaneval"}]}),
        ("near-dedup", {"dedup": {"near": {"enabled": False}}}, {}),
        ("mixture", {}, {"sources": [CODE, TEXT]}),
        (
            "mixture",
            {"sources": [CODE, TEXT], "mixture": {"enabled": False}},
            {"sources": [CODE, TEXT]},
        ),
    ],
)
def test_a_stage_is_on_when_it_can_drop_a_file(
    stage: str, off: dict[str, Any], given: dict[str, Any]
) -> None:
    assert stage not in on(spec(**off))
    assert stage in on(spec(**given))


def test_a_file_meets_the_stages_as_far_as_the_one_that_drops_it() -> None:
    assert met(spec(), "code", "Python", "licence") == ("read", "language", "licence")
    assert met(spec(), "code", "Python", "")[-1] == "near-dedup"


@pytest.mark.parametrize(
    ("source", "language", "meets"),
    [
        ("code", "Python", {"parse", "lint"}),
        ("code", "Go", {"parse"}),
        ("code", "Markdown", set()),
        ("text", "Python", set()),
    ],
)
def test_only_code_of_their_languages_is_parsed_and_linted(
    source: str, language: str, meets: set[str]
) -> None:
    found = met(spec(sources=[CODE, TEXT]), source, language, "")
    assert {"parse", "lint"} & set(found) == meets


def test_every_field_is_told_with_where_its_value_is_from() -> None:
    given = spec(quality={"preset": "opencoder", "maxLineLength": 7}, seed=3)
    told = {one.field: (json.loads(one.value), one.origin) for one in asked(given)}
    assert told["seed"] == (3, SPEC)
    assert told["quality.maxLineLength"] == (7, SPEC)
    assert told["quality.minLines"] == (10, "preset opencoder")
    assert told["dedup.near.threshold"] == (0.7, DEFAULT)
    assert told["sources[0]"] == (CODE, SPEC)
    assert "quality.minCommentFraction" not in told  # off: neither the preset nor the spec sets it
    assert not any(name.startswith(("workers", "storage", "pod")) for name in told)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.bound)
def test_every_rule_of_quality_names_the_fields_that_decide_it(rule: Any) -> None:
    known = spec(quality={"preset": "opencoder"}).quality.model_dump(by_alias=True)
    found = [name.removeprefix("quality.") for name in fields("quality", rule.reason)]
    assert found and set(found) <= set(known)


@pytest.mark.parametrize(
    ("stage", "rule", "told"),
    [
        ("quality", "few-letters", {"quality.minAlphabeticFraction": "0.25"}),
        ("licence", "not-allowed", {"licences.preset": '"permissive"'}),
        (
            "security",
            "insecure",
            {
                "security.insecure.high": '"drop"',
                "security.insecure.medium": '"tag"',
                "security.insecure.low": '"keep"',
            },
        ),
        ("decontamination", "benchmark-text", {"decontamination[0]": '{"benchmark": "humaneval"}'}),
        ("near-dedup", "near-duplicate", {"dedup.near.threshold": "0.7"}),
        ("read", "binary", {}),
    ],
)
def test_a_drop_names_what_was_asked(stage: str, rule: str, told: dict[str, str]) -> None:
    given = spec(decontamination=[{"benchmark": "humaneval"}])
    assert grounds(asked(given), stage, rule) == told
