"""Which problems a step asks, what is judged, what is padded, and the numbers that come of it."""

import math
from collections import Counter
from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch")

from oremill.specs.rlef import Reward, RLEFJobSpec  # noqa: E402
from pipeline_steps.evaluate.judge import Judgement, Submission, Verdict  # noqa: E402
from pipeline_steps.rlef import rollouts, summary  # noqa: E402
from pipeline_steps.rlef.problems import Problem  # noqa: E402
from pipeline_steps.sampler import Completion  # noqa: E402

PROBLEMS = [Problem(str(number), f"p{number}", "f", [{"args": []}]) for number in range(5)]


def spec(**changes: object) -> RLEFJobSpec:
    fields = {
        "modelRef": {"kind": "SFTJob", "name": "m"},
        "problems": {"key": "k"},
        "promptsPerStep": 3,
    }
    return RLEFJobSpec.model_validate(fields | changes)


def test_every_problem_is_asked_once_an_epoch_in_another_order() -> None:
    asked = [one.task_id for step in range(10) for one in rollouts.batch(PROBLEMS, step, spec())]
    epochs = [asked[first : first + 5] for first in range(0, 30, 5)]
    assert all(sorted(epoch) == ["0", "1", "2", "3", "4"] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 3


def test_a_step_asks_the_same_whatever_was_asked_before_and_another_seed_otherwise() -> None:
    assert rollouts.batch(PROBLEMS, 7, spec()) == rollouts.batch(PROBLEMS, 7, spec())
    assert [rollouts.batch(PROBLEMS, step, spec()) for step in range(5)] != [
        rollouts.batch(PROBLEMS, step, spec(seed=1)) for step in range(5)
    ]


def completion(text: str) -> Completion:
    ids = [ord(letter) for letter in text]
    return Completion(ids, [-0.5] * len(ids), text, stopped=True)


def rolled(answers: Sequence[str], seen: list[Submission] | None = None) -> list[rollouts.Rollout]:
    def judging(submissions: Sequence[Submission]) -> list[Judgement]:
        if seen is not None:
            seen.extend(submissions)
        verdicts = {"good": Verdict.PASS, "bad": Verdict.WRONG_ANSWER, "lost": Verdict.JUDGE_ERROR}
        return [
            Judgement(verdicts.get(one.code, Verdict.COMPILE_ERROR), 0, 1) for one in submissions
        ]

    prompts = [[1, 2, 3], [4]]
    completions = [completion(answer) for answer in answers]
    return rollouts.judged(PROBLEMS[:2], prompts, completions, judging, Reward())


def test_equal_code_for_one_problem_is_judged_once_and_for_two_problems_twice() -> None:
    seen: list[Submission] = []
    found = rolled(["good", "good", "bad", "good", "good", "good"], seen)
    assert Counter(one.code for one in seen) == {"good": 2, "bad": 1}
    assert [one.reward for one in found] == [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
    assert [one.problem.task_id for one in found] == ["0", "0", "0", "1", "1", "1"]


def test_code_is_taken_out_of_a_fenced_answer() -> None:
    assert rolled(["```python\ngood\n```", "x"])[0].code == "good\n"


def test_tensors_pad_prompts_on_the_left_and_answers_on_the_right() -> None:
    batch = rollouts.Tensors.of(rolled(["ab", "c"]), torch.device("cpu"))
    assert batch.ids.tolist() == [[1, 2, 3, 97, 98], [0, 0, 4, 99, 0]]
    assert batch.attention.tolist() == [[1, 1, 1, 1, 1], [0, 0, 1, 1, 0]]
    assert batch.answer.tolist() == [[1, 1], [1, 0]]
    assert batch.old.tolist() == [[-0.5, -0.5], [-0.5, 0]]


def test_metrics_leave_out_what_was_not_judged() -> None:
    total = summary.sums(
        rolled(["good", "bad", "lost", "syntax", "good", "good", "good", "good"]), 4
    )
    metrics = summary.metrics(total)
    assert metrics["pass_rate"] == pytest.approx(5 / 7)
    assert metrics["syntax_rate"] == pytest.approx(6 / 7)
    assert metrics["reward_mean"] == pytest.approx((5 - 0.2) / 7)
    assert metrics["reward_std"] == pytest.approx(
        math.sqrt((5 + 0.04) / 7 - metrics["reward_mean"] ** 2)
    )
    assert metrics["frac_reward_zero_std"] == 0.5
    assert metrics["judge_error_rate"] == 1 / 8
    assert metrics["entropy"] == pytest.approx(0.5)
    assert summary.verdicts(total)["PASS"] == 5


def test_metrics_of_two_ranks_are_those_of_all_rollouts() -> None:
    answers = ["good", "bad", "bad", "lost", "good", "syntax", "good", "good"]
    both = summary.sums(rolled(answers), 4)
    halves = [summary.sums(rolled(answers)[place : place + 4], 4) for place in (0, 4)]
    added = {name: halves[0][name] + halves[1][name] for name in both}
    assert summary.metrics(added) == pytest.approx(summary.metrics(both))


def test_the_samples_file_shows_no_hidden_test(tmp_path) -> None:
    summary.write_samples(tmp_path / "rollouts.jsonl", rolled(["good", "lost"]))
    text = (tmp_path / "rollouts.jsonl").read_text()
    assert '"verdict": "PASS"' in text and '"reward": null' in text
    assert "args" not in text
