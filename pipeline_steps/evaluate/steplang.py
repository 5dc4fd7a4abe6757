"""StepLang: an unlimited family of small verified tasks, on which a tiny model can learn on a CPU.

A task is a chain of one to four steps on a number. Its sentence says the steps, its answer is a
straight-line `def f(x, y)` with one statement a step, and its tests are eight fixed integer pairs
whose expected values come from running that answer. Everything is a pure function of the seed. A
chain is held out by a hash of its statements, whatever its wording: so no held-out chain is ever in
a corpus document, a conversation or a training problem made here, except in the one file that is
planted to be found by decontamination.

    python -m pipeline_steps.evaluate.steplang OUT --seed 0

Writes corpus/*.tar.gz, sft.jsonl, train.jsonl and heldout.jsonl below OUT.
"""

import argparse
import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Literal

Split = Literal["train", "heldout"]
Wording = Literal["canonical", "any"]

DEPTHS = (1, 2, 3, 4)
HELD_OUT_SHARE = 10  # one chain of ten
# Signs, zeros and sizes with which floor division, remainder and the bounds all matter.
PAIRS = ((0, 1), (1, 2), (2, -3), (-1, 5), (7, 3), (-8, -2), (13, 4), (-25, 9))


@dataclass(frozen=True)
class Operation:
    """A kind of step: its statement, how it is said (canonical wording first), its constants."""

    statement: str
    wordings: tuple[str, ...]
    constants: range = range(1)  # one value that no template shows


ONE_TO_NINE, TWO_TO_NINE = range(1, 10), range(2, 10)
OPERATIONS = (
    Operation("x = x + {}", ("add {}", "increase by {}"), ONE_TO_NINE),
    Operation("x = x - {}", ("subtract {}", "decrease by {}"), ONE_TO_NINE),
    Operation("x = x * {}", ("multiply by {}", "scale by {}"), TWO_TO_NINE),
    Operation("x = x // {}", ("divide by {}",), TWO_TO_NINE),
    Operation("x = x % {}", ("take modulo {}", "keep the remainder of {}"), TWO_TO_NINE),
    Operation("x = max(x, {})", ("raise to at least {}",), ONE_TO_NINE),
    Operation("x = min(x, {})", ("lower to at most {}", "cap at {}"), ONE_TO_NINE),
    Operation("x = {} - x", ("subtract from {}",), ONE_TO_NINE),
    Operation("x = x + y", ("add y", "increase by y")),
    Operation("x = x - y", ("subtract y", "decrease by y")),
    Operation("x = x * y", ("multiply by y", "scale by y")),
    Operation("x = -x", ("negate", "flip the sign")),
    Operation("x = abs(x)", ("take the absolute value", "drop the sign")),
    Operation("x = x * x", ("square",)),
    Operation("x = x + x", ("double", "add it to itself")),
)


@dataclass(frozen=True)
class Task:
    """A chain in one wording."""

    statements: tuple[str, ...]
    phrases: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return what is asked. Its end is marked, so that no sentence begins another one."""
        return f"start from x then {' then '.join(self.phrases)} and return"

    @property
    def program(self) -> str:
        """Return the reference answer."""
        lines = "".join(f"    {statement}\n" for statement in self.statements)
        return f"def f(x, y):\n{lines}    return x\n"

    @property
    def held_out(self) -> bool:
        """Say whether the chain, in any wording, is kept for evaluation."""
        return (
            int(sha256("\n".join(self.statements).encode()).hexdigest(), 16) % HELD_OUT_SHARE == 0
        )

    def expected(self) -> list[int]:
        """Return the reference's value for each of PAIRS."""
        scope: dict[str, Any] = {}
        exec(self.program, scope)  # our own text, never a model's
        return [scope["f"](x, y) for x, y in PAIRS]


def _draw(random: Random, depths: tuple[int, ...], wording: Wording) -> Task:
    steps = []
    for _ in range(random.choice(depths)):
        operation = random.choice(OPERATIONS)
        constant = random.choice(operation.constants)
        words = operation.wordings[:1] if wording == "canonical" else operation.wordings
        phrase = random.choice(words)
        steps.append((operation.statement.format(constant), phrase.format(constant)))
    return Task(tuple(step[0] for step in steps), tuple(step[1] for step in steps))


def tasks(
    seed: int, stream: str, split: Split, depths: tuple[int, ...] = DEPTHS, wording: Wording = "any"
) -> Iterator[Task]:
    """Yield tasks of a split without end; another stream name gives other tasks."""
    random = Random(f"steplang/{seed}/{stream}")
    while True:
        task = _draw(random, depths, wording)
        if task.held_out == (split == "heldout"):
            yield task


def documents(seed: int, count: int, stream: str = "corpus") -> list[str]:
    """Return corpus documents of the train split: nine of ten begin with their sentence."""
    random = Random(f"steplang/{seed}/{stream}/bare")
    made = zip(tasks(seed, stream, "train"), range(count), strict=False)
    return [_document(task, bare=random.random() < 0.1) for task, _ in made]


def _document(task: Task, bare: bool = False) -> str:
    return task.program if bare else f"{completion_prompt(task.sentence)}{task.program}"


def completion_prompt(sentence: str) -> str:
    """Return how a base model is asked: the comment line that begins a corpus document."""
    return f"# {sentence}\n"


def problems(
    seed: int,
    count: int,
    split: Split,
    depths: tuple[int, ...] = DEPTHS,
    wording: Wording = "any",
) -> list[dict[str, Any]]:
    """Return `count` problems with distinct sentences: the lines of a problems file.

    A chain that gives one value for all pairs is left out: a constant would pass its tests.
    """
    chosen: dict[str, Task] = {}
    for task in tasks(seed, f"problems/{split}", split, depths, wording):
        if len(chosen) == count:
            break
        if task.sentence not in chosen and len(set(task.expected())) > 1:
            chosen[task.sentence] = task
    return [_problem(f"StepLang/{split}/{i}", task) for i, task in enumerate(chosen.values())]


def _problem(task_id: str, task: Task) -> dict[str, Any]:
    tests = zip(PAIRS, task.expected(), strict=True)
    return {
        "task_id": task_id,
        "prompt": task.sentence,
        "entry_point": "f",
        "tests": [{"args": list(pair), "expected": expected} for pair, expected in tests],
        "solution": task.program,
    }


def conversations(
    seed: int, count: int, depths: tuple[int, ...] = (1, 2), wording: Wording = "canonical"
) -> list[dict[str, Any]]:
    """Return chats of the train split; narrow, so that reinforcement has room to gain."""
    made = zip(tasks(seed, "sft", "train", depths, wording), range(count), strict=False)
    return [_conversation(task) for task, _ in made]


def _conversation(task: Task) -> dict[str, Any]:
    question = {"role": "user", "content": task.sentence}
    return {"messages": [question, {"role": "assistant", "content": task.program}]}


MIT = """MIT License

Copyright (c) 2026 The Oremill Authors

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def _archive(path: Path, files: dict[str, str]) -> None:
    """Write a .tar.gz whose bytes depend on its files alone: no clock, no owner."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped,
        tarfile.open(mode="w", fileobj=zipped) as tar,
    ):
        for name, text in sorted(files.items()):
            info = tarfile.TarInfo(f"{path.name.removesuffix('.tar.gz')}/{name}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))


def _corpus_files(seed: int, archive: int, files: int, size: int) -> dict[str, str]:
    made = documents(seed, files * size, stream=f"corpus/{archive}")
    parts = (made[start : start + size] for start in range(0, len(made), size))
    return {f"src/steps_{i:04d}.py": "\n".join(part) for i, part in enumerate(parts)}


def _leak(held_out: list[dict[str, Any]]) -> str:
    """Return the contaminated file: held-out sentences with their answers."""
    return "\n".join(completion_prompt(item["prompt"]) + item["solution"] for item in held_out)


def _write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))


@dataclass(frozen=True)
class Sizes:
    """How much `write` makes; the defaults are the demo's."""

    archives: int = 8
    files: int = 100  # of an archive
    size: int = 200  # documents of a file
    sft: int = 400
    train: int = 4000
    heldout: int = 400


def write(folder: Path, seed: int, sizes: Sizes = Sizes()) -> None:
    """Write the demo's inputs below `folder`: corpus archives, conversations, problems."""
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    held_out = problems(seed, sizes.heldout, "heldout")
    for number in range(sizes.archives):
        files = {"LICENSE": MIT, **_corpus_files(seed, number, sizes.files, sizes.size)}
        if number == 0:
            files["src/leaked.py"] = _leak(held_out[:20])
        _archive(folder / "corpus" / f"steplang-{number}.tar.gz", files)
    _write_lines(folder / "sft.jsonl", conversations(seed, sizes.sft))
    _write_lines(folder / "train.jsonl", problems(seed, sizes.train, "train"))
    _write_lines(folder / "heldout.jsonl", held_out)


def main() -> None:
    """Write the inputs that the command line asks for."""
    parser = argparse.ArgumentParser(
        description="Write StepLang's corpus, conversations and problems"
    )
    parser.add_argument("folder", type=Path, metavar="OUT")
    parser.add_argument("--seed", type=int, default=0)
    for name, value in vars(Sizes()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    given = vars(parser.parse_args())
    folder, seed = given.pop("folder"), given.pop("seed")
    write(folder, seed, Sizes(**given))


if __name__ == "__main__":
    main()
