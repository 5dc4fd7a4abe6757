"""Reinforcement learning from execution feedback: the loop of every rank.

    torchrun → python -m pipeline_steps.rlef.train    (see pipeline_steps.launch)

In: a model that follows instructions, and problems with hidden tests. Out: a Hugging Face folder
with the model, the curve and the last rollouts. A step draws a group of answers to each of its
problems, has them judged in sandboxes, and moves the model once toward the better ones of each
group. The model that draws is the model that learns, so the ratio of the two is 1 but for rounding;
the clip guards the rest. SIGTERM makes all ranks save after the same step; problems and seeds are
functions of the step, so a resume repeats none.
"""

import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from oremill.specs.artifact import Checkpointed
from oremill.specs.rlef import RLEFJobSpec
from pipeline_steps.errors import Preempted, Resumable, StepFailed, UserError
from pipeline_steps.evaluate.judge import Judge, limits_of
from pipeline_steps.pretrain import card, model
from pipeline_steps.pretrain import engine as deepspeed_engine
from pipeline_steps.pretrain.checkpoint import Checkpoints, Curve
from pipeline_steps.pretrain.engine import Ranks
from pipeline_steps.pretrain.schedule import learning_rate
from pipeline_steps.pretrain.train import asked_to_stop
from pipeline_steps.rlef import problems, rewards, rollouts, summary
from pipeline_steps.rlef.learner import Learner
from pipeline_steps.rlef.problems import Problem
from pipeline_steps.rlef.rollouts import Rollout
from pipeline_steps.run import Made, Step, main
from pipeline_steps.sentinels import IM_END

log = logging.getLogger(__name__)

LIBRARIES = ("torch", "transformers", "tokenizers", "deepspeed", "safetensors")
RECENT = 20  # steps over which the headline numbers are averaged


def make(step: Step) -> Made:
    """Train, and return the model's folder; every rank calls it."""
    spec, ranks = cast(RLEFJobSpec, step.spec), Ranks.join()
    if spec.prompts_per_step % ranks.world:
        raise UserError(
            f"spec.promptsPerStep: {spec.prompts_per_step} is not a multiple of the number of "
            f"ranks, {ranks.world} (workers.replicas times workers.gpus)"
        )
    training = _start(step, spec, ranks)
    with asked_to_stop() as stop:
        training.run(stop)
    return training.result()


def _start(step: Step, spec: RLEFJobSpec, ranks: Ranks) -> "Training":
    """Load the model and the problems, meet the judge, and load the newest checkpoint."""
    start = step.input("modelRef")
    tokenizer = AutoTokenizer.from_pretrained(start)
    network = AutoModelForCausalLM.from_pretrained(start, dtype=torch.float32)
    known = problems.read(step.store, spec.problems)
    longest = max(len(rollouts.question(tokenizer, one)) for one in known)
    learner = Learner.start(spec, ranks, network, longest)
    judge = _judge(step, spec)
    rewards.self_test(judge.many, known[0].submission, known[0].solution, spec.reward)
    checkpoints = Checkpoints(step, ranks, spec.checkpoint.keep)
    done, curve, skipped = checkpoints.resume(learner.engine)
    if done and ranks.rank == 0:
        log.info("resumed after step %d; %d damaged checkpoints skipped", done, skipped)
        step.progress.update(done, spec.steps, "steps", "resumed", resumed_from=done)
        step.progress.gauge("checkpoints_skipped", skipped)
    return Training(step, spec, ranks, tokenizer, known, learner, judge, checkpoints, done, curve)


def _judge(step: Step, spec: RLEFJobSpec) -> Judge:
    threads = 2 * spec.sandbox.replicas * spec.sandbox.workers
    token = step.places.sandbox_token.read_text().strip()
    judge = Judge(step.order.sandbox_url, token, limits_of(spec.sandbox), threads)
    judge.wait_until_ready()
    return judge


@dataclass
class Training:
    """One rank's view of the training."""

    step: Step
    spec: RLEFJobSpec
    ranks: Ranks
    tokenizer: Any
    problems: list[Problem]
    learner: Learner
    judge: Judge
    checkpoints: Checkpoints
    done: int  # optimizer steps
    curve: Curve
    saved: Checkpointed | None = None
    last: list[Rollout] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # of the newest step, by what was done

    def run(self, stop: list[int]) -> None:
        """Train to the last step.

        Raises:
            Preempted: a rank was asked to stop, and the state is saved.
            StepFailed: a canary was paid, or the loss is no longer a number.
        """
        while self.done < self.spec.steps:
            point, verdicts = self._step(self.done, bool(stop))
            if not math.isfinite(point["loss"]):
                raise StepFailed(f"the loss of step {self.done} is {point['loss']}", "LossDiverged")
            self.done += 1
            stops = point.pop("stops") > 0
            self.curve.append({"step": self.done} | point)
            self._save_when_due(stops)
            self._report(verdicts)

    def _step(self, number: int, stop: bool) -> tuple[dict[str, float], dict[str, float]]:
        """Do one step; return its point of the curve, and how often each verdict fell."""
        rate = learning_rate(number, self.spec.steps, self.spec.optimizer)
        self.last = self._roll_out(number)
        with self._timed("train"):
            learned = self.learner.learn(self.last, rate)
        mine = summary.sums(self.last, self.spec.group_size) | {
            "loss": learned.loss / self.ranks.world,
            "mismatch": learned.mismatch,
            "trained_tokens": learned.tokens,
            "stops": float(stop),
        }
        total = dict(zip(mine, self.ranks.sum(*mine.values()), strict=True))
        if not total["judged"]:
            raise Resumable(f"step {number}: no rollout was judged", "SandboxesNotReady")
        point = summary.metrics(total) | {"loss": total["loss"], "stops": total["stops"]}
        point["logprob_mismatch"] = total["mismatch"] / max(1.0, total["trained_tokens"])
        return point | {"learning_rate": rate} | self.seconds, summary.verdicts(total)

    def _roll_out(self, number: int) -> list[Rollout]:
        """Draw and judge this rank's rollouts of a step, and a canary beside them."""
        asked = rollouts.batch(self.problems, number, self.spec)
        asked = asked[self.ranks.rank :: self.ranks.world]
        prompts = [rollouts.question(self.tokenizer, one) for one in asked]
        with self._timed("generate"):
            drawn = rollouts.draw(
                self.learner.engine.module,
                self.tokenizer,
                prompts,
                self.spec,
                seed_of(self.spec.seed, number, self.ranks.rank),
            )
        with self._timed("execute"):
            rewards.check_canary(number, self.judge.many, asked[0].submission, self.spec.reward)
            return rollouts.judged(asked, prompts, drawn, self.judge.many, self.spec.reward)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[f"{what}_seconds"] = time.monotonic() - began

    def _save_when_due(self, stops: bool) -> None:
        last = self.done == self.spec.steps
        if stops or (self.done % self.spec.checkpoint.every_steps == 0 and not last):
            self.saved = self.checkpoints.save(self.learner.engine, self.done, self.curve)
        if stops and not last:
            raise Preempted(f"stopped by SIGTERM; saved after step {self.done}")

    def _report(self, verdicts: dict[str, float]) -> None:
        point, total, board = self.curve[-1], self.spec.steps, self.step.progress
        headline = f"reward {point['reward_mean']:.2f}"
        shown = {name: value for name, value in point.items() if name != "step"}
        board.update(self.done, total, "steps", headline, shown, self.saved)
        for verdict, count in verdicts.items():
            board.gauge("rollout_verdicts", count, verdict=verdict)
        if self.ranks.rank == 0 and (self.done % 10 == 0 or self.done == total):
            log.info(
                "step %d: reward %.3f, pass rate %.3f, groups alike %.2f, entropy %.3f",
                *(self.done, point["reward_mean"], point["pass_rate"]),
                *(point["frac_reward_zero_std"], point["entropy"]),
            )

    def result(self) -> Made:
        """Write the model's folder (rank 0)."""
        self.judge.close()
        weights = deepspeed_engine.weights(self.learner.engine)
        folder = self.step.scratch / "model"
        results: dict[str, float | int | str] = {
            "reward": self._recent("reward_mean"),
            "trainPassRate": self._recent("pass_rate"),
            "steps": self.done,
        }
        if self.ranks.rank == 0:
            self._write(folder, weights, results)
        self.ranks.wait()
        return Made(folder, results, {"problems": len(self.problems)}, LIBRARIES)

    def _recent(self, name: str) -> float:
        values = [point[name] for point in self.curve[-RECENT:]]
        return round(sum(values) / len(values), 4)

    def _write(self, folder: Path, weights: dict[str, Any], results: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ends = [self.tokenizer.convert_tokens_to_ids(IM_END)]
        network, start = self.learner.engine.module, self.step.input("modelRef")
        model.save(network, weights, start, ends, folder)
        card.write(folder, self.step, results)
        lines = "".join(json.dumps(point) + "\n" for point in self.curve)
        (folder / "curve.jsonl").write_text(lines)
        summary.write_samples(folder / "rollouts.jsonl", self.last)


def seed_of(seed: int, step: int, rank: int) -> int:
    """Return the seed with which a rank draws in a step."""
    hashed = blake2b(f"rlef/{seed}/{step}/{rank}".encode(), digest_size=8)
    return int.from_bytes(hashed.digest(), "little") >> 1  # torch takes 63 bits


if __name__ == "__main__":
    main(make)
