"""`oremill validate` says what the operator would say, before anything is applied."""

from pathlib import Path

import pytest

from oremill import cli, names

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
