"""StepLang is deterministic, its answers are right, and its held-out chains appear nowhere else."""

import json
import tarfile
from itertools import islice
from pathlib import Path

import pytest

from pipeline_steps.evaluate import steplang


def chain(program: str) -> str:
    """Return a program's statements: what identifies a task, whatever its wording."""
    return program[program.index("def f") :].strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("steplang")
    steplang.write(
        made, 0, steplang.Sizes(archives=2, files=5, size=50, sft=100, train=300, heldout=300)
    )
    return made


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def corpus(folder: Path) -> dict[str, str]:
    texts = {}
    for path in sorted(folder.glob("corpus/*.tar.gz")):
        with tarfile.open(path) as tar:
            for member in tar:
                texts[member.name] = tar.extractfile(member).read().decode()
    return texts


def chains(text: str) -> set[str]:
    return {chain("def f" + part.split("\n#")[0]) for part in text.split("def f")[1:]}


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    sizes = steplang.Sizes(archives=2, files=5, size=50, sft=100, train=300, heldout=300)
    steplang.write(tmp_path, 0, sizes)
    for path in folder.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes()


def test_another_seed_gives_other_problems() -> None:
    assert steplang.problems(0, 50, "heldout") != steplang.problems(1, 50, "heldout")


def test_no_held_out_chain_is_in_anything_a_model_learns_from(folder: Path) -> None:
    held_out = {chain(item["solution"]) for item in records(folder / "heldout.jsonl")}
    learned = {chain(item["solution"]) for item in records(folder / "train.jsonl")}
    learned |= {chain(item["messages"][1]["content"]) for item in records(folder / "sft.jsonl")}
    for name, text in corpus(folder).items():
        if not name.endswith("leaked.py"):
            learned |= chains(text)
    assert len(learned) > 500
    assert not held_out & learned


def test_the_planted_file_holds_held_out_problems(folder: Path) -> None:
    (leaked,) = [text for name, text in corpus(folder).items() if name.endswith("leaked.py")]
    first = records(folder / "heldout.jsonl")[0]
    assert first["prompt"] in leaked
    assert first["solution"] in leaked


def test_a_solution_gives_its_expected_values(folder: Path) -> None:
    for problem in records(folder / "heldout.jsonl"):
        scope: dict = {}
        exec(problem["solution"], scope)
        assert len(problem["tests"]) == 8
        for test in problem["tests"]:
            assert scope["f"](*test["args"]) == test["expected"]


def test_no_constant_answer_passes(folder: Path) -> None:
    for problem in records(folder / "heldout.jsonl"):
        assert len({test["expected"] for test in problem["tests"]}) > 1


def test_no_sentence_is_part_of_another() -> None:
    sentences = {item["prompt"] for item in steplang.problems(0, 400, "train")}
    assert not any(a != b and a in b for a in sentences for b in sentences)


def test_conversations_are_the_narrow_slice() -> None:
    canonical = {op.wordings[0].split()[0] for op in steplang.OPERATIONS}
    for item in steplang.conversations(0, 200):
        steps = item["messages"][0]["content"].removesuffix(" and return").split(" then ")[1:]
        assert 1 <= len(steps) <= 2
        assert {step.split()[0] for step in steps} <= canonical


def test_there_are_fifteen_operations_with_one_or_two_wordings() -> None:
    assert len(steplang.OPERATIONS) == 15
    assert {len(op.wordings) for op in steplang.OPERATIONS} == {1, 2}


def test_most_documents_begin_with_their_sentence() -> None:
    made = steplang.documents(0, 1000)
    assert 850 < sum(text.startswith("# start from x") for text in made) < 950


def test_tasks_have_every_depth() -> None:
    made = islice(steplang.tasks(0, "any", "train"), 200)
    assert {len(task.statements) for task in made} == set(steplang.DEPTHS)
