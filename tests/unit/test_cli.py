"""`oremill validate` says what the operator would say; other commands come with what they need."""

import subprocess
import sys
from pathlib import Path

import pytest

from oremill import cli, names
from tests.entry_points import PROJECT, installed

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid(path: Path) -> None:
    assert cli.main(["validate", "-f", str(path)]) == 0


def test_each_mistake_is_named_with_its_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    head = f"apiVersion: {names.API_VERSION}\nmetadata: {{name: one}}\n"
    path.write_text(
        f"{head}kind: TokenizerJob\nspec: {{corpusRef: {{name: a}}, vocabSize: 3}}\n---\n"
        f"{head}kind: DataCorpora\nspec: {{}}\n---\n"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: passed-over}\n"
    )
    assert cli.main(["validate", "-f", str(path)]) == 1
    told = capsys.readouterr().err
    assert "TokenizerJob 'one': spec.vocabSize" in told
    assert "'DataCorpora' is not a kind" in told
    assert "passed-over" not in told


def test_commands_of_the_data_plane_are_listed_where_it_is_installed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "story" not in capsys.readouterr().out
    with installed(), pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "say what became of a file of a corpus" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "missing", "extra"),
    [(["story", ".", "x"], "minio", "data"), (["validate", "-f", "/dev/null"], "yaml", "operator")],
    ids=["story", "validate"],
)
def test_a_command_without_its_extra_says_what_to_install(
    command: list[str],
    missing: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [one for one in sys.modules if one.startswith("pipeline_steps")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    with installed():
        assert cli.main(command) == 1
    told = capsys.readouterr().err
    assert f"oremill {command[0]}: {missing} is not installed" in told
    assert f"pip install 'oremill[{extra}]'" in told
    assert extra in PROJECT["optional-dependencies"]


def test_the_commands_listed_need_nothing_but_the_base_install() -> None:
    script = (
        "import sys\nfrom tests.entry_points import installed\nfrom oremill import cli\n"
        "with installed():\n    cli.main(['version'])\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[1].split())
    assert "pipeline_steps.cli" in loaded
    assert not loaded & {"yaml", "minio", "pyarrow", "duckdb", "kopf", "numpy"}
