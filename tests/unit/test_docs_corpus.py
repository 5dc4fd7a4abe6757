"""docs/corpus.md names every stage, rule and column that there is, and commands that are taken."""

import re
import shlex
from pathlib import Path

import pytest

from oremill import cli, names
from oremill.specs import parse
from oremill.specs.corpus import Ray
from pipeline_steps.corpus import grounds, ledger, shards
from pipeline_steps.corpus.memory import MIB, RAY
from pipeline_steps.corpus.quality import RULES
from pipeline_steps.corpus.stages import STAGES
from tests.entry_points import installed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/corpus.md").read_text()
SAID = re.compile(r'dropped\([^\n"]*"([a-z0-9-]+)"')


def section(title: str) -> str:
    found = re.search(rf"^##+ {title}\n(.+?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/corpus.md has no section {title!r}"
    return found[1]


def named(title: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", section(title)))


def test_the_stages_stand_in_their_order() -> None:
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", section("The stages"), re.M)) == STAGES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.bound)
def test_every_rule_of_quality_is_there(rule: object) -> None:
    assert rule.reason in named("Rules of quality")  # type: ignore[attr-defined]


def test_every_rule_that_a_field_decides_is_there() -> None:
    listed = named("The stages") | named("Reasons of the stage read")
    assert {rule for _, rule in grounds.OF_RULE} <= listed


def test_every_reason_of_the_sources_is_there() -> None:
    said = "\n".join(p.read_text() for p in ROOT.glob("pipeline_steps/corpus/sources/*.py"))
    found = set(SAID.findall(said))
    assert len(found) > 9 and found <= named("Reasons of the stage read")


@pytest.mark.parametrize(
    ("title", "schema"), [("The ledger", ledger.SCHEMA), ("The shards", shards.SCHEMA)]
)
def test_every_column_is_there(title: str, schema: object) -> None:
    assert set(schema.names) <= named(title) | named("The ledger")  # type: ignore[attr-defined]


def test_the_example_is_a_legal_spec() -> None:
    import yaml

    body = yaml.safe_load(re.search(r"^```yaml\n(.+?)^```$", PAGE, re.M | re.S)[1])  # type: ignore[index]
    assert parse(body["kind"], body["spec"])


def test_the_ray_cluster_is_a_legal_one_and_its_places_are_told() -> None:
    import yaml

    text = section("Several machines")
    Ray.model_validate(yaml.safe_load(re.search(r"^```yaml ray\n(.+?)^```$", text, re.M | re.S)[1]))  # type: ignore[index]
    for told in (names.PORT_RAY, names.PORT_RAY + names.PORTS_RAY - 1, RAY // MIB):
        assert str(told) in text
    for place in (names.STORAGE_SECRET_DIR, names.STORAGE_CA_FILE, names.SCRATCH_DIR):
        assert f"`{place}`" in text


def test_the_commands_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    typed = re.findall(r"oremill (story [^`\n]+)", PAGE)
    assert len(typed) == 2
    for line in typed:
        with installed(), pytest.raises(SystemExit) as ended:
            cli.main([*shlex.split(line), "--help"])
        assert ended.value.code == 0
