"""Pretrain a model: the loop of every rank.

    torchrun → python -m pipeline_steps.pretrain.train    (see pipeline_steps.launch)

In: a corpus (Parquet) and a tokenizer. Out: a Hugging Face folder with the model, the tokenizer,
the loss curve and a model card. A step sees `batch.tokens` tokens whatever the number of ranks:
each takes its rows, and the loss of a step is the mean over all its tokens. SIGTERM at any rank
makes all of them save after the same step and leave with exit code 75; the next attempt goes on
from there, with the very losses that the uninterrupted run has.
"""

import logging
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from transformers.utils.logging import disable_progress_bar

from oremill.specs.artifact import Checkpointed
from oremill.specs.pretrain import PretrainJobSpec
from pipeline_steps import run, sentinels
from pipeline_steps.errors import Preempted, StepFailed
from pipeline_steps.pretrain import card, documents, fim, model
from pipeline_steps.pretrain import engine as deepspeed_engine
from pipeline_steps.pretrain.checkpoint import Checkpoints, Curve
from pipeline_steps.pretrain.engine import Ranks
from pipeline_steps.pretrain.reader import Reader, Recipe, Rows, labels, predicted
from pipeline_steps.pretrain.schedule import learning_rate

log = logging.getLogger(__name__)

LIBRARIES = ("torch", "transformers", "tokenizers", "deepspeed", "numpy", "pyarrow", "safetensors")
LOG_STEPS = 50
HELD_OUT_ROWS = 64  # enough for a loss that is stable to about .01, in seconds


def make(step: run.Step) -> run.Made:
    """Train, and return the model's folder; every rank calls it."""
    spec = cast(PretrainJobSpec, step.spec)
    ranks = Ranks.join()
    tokenizer = step.input("tokenizerRef")
    reader = _reader(step, spec, ranks, Tokenizer.from_file(str(tokenizer / "tokenizer.json")))
    training = _start(step, spec, ranks, reader)
    with asked_to_stop() as stop:
        training.train(stop)
    return training.result(tokenizer)


def _reader(step: run.Step, spec: PretrainJobSpec, ranks: Ranks, tokenizer: Tokenizer) -> Reader:
    """Tokenise the corpus once a node, and return what deals its rows."""
    folder = step.scratch / "documents"
    if ranks.local_rank == 0:
        step.progress.update(0, spec.tokens // spec.batch.tokens, "steps", "reading the corpus")
        documents.write(step.input("corpusRef"), tokenizer, folder)
    ranks.wait()
    return Reader(documents.Documents.open(folder), recipe(spec))


def recipe(spec: PretrainJobSpec) -> Recipe:
    """Return what of the spec decides which tokens a step sees."""
    ids = {name: number for number, name in enumerate(sentinels.SENTINELS)}
    return Recipe(
        context=spec.model.context_length,
        batch_tokens=spec.batch.tokens,
        steps=spec.tokens // spec.batch.tokens,
        seed=spec.seed,
        marks=fim.Marks(
            prefix=ids[sentinels.FIM_PREFIX],
            middle=ids[sentinels.FIM_MIDDLE],
            suffix=ids[sentinels.FIM_SUFFIX],
        ),
        end=ids[sentinels.END_OF_TEXT],
        pad=ids[sentinels.PAD],
        fim_rate=spec.fim.rate,
        spm_rate=spec.fim.spm_rate,
        fim_start=spec.fim.start_at_tokens,
        mixture=spec.mixture,
    )


def _start(step: run.Step, spec: PretrainJobSpec, ranks: Ranks, reader: Reader) -> "Training":
    """Build the model, and load the newest checkpoint if there is one."""
    vocabulary = Tokenizer.from_file(str(step.input("tokenizerRef") / "tokenizer.json"))
    network = model.build(spec, vocabulary.get_vocab_size(), reader.recipe.end, reader.recipe.pad)
    engine = deepspeed_engine.start(spec, network, ranks)
    checkpoints = Checkpoints(step, ranks, spec.checkpoint.keep)
    done, curve, skipped = checkpoints.resume(engine)
    if done and ranks.rank == 0:
        log.info("resumed after step %d; %d damaged checkpoints skipped", done, skipped)
        step.progress.update(done, reader.recipe.steps, "steps", "resumed", resumed_from=done)
        step.progress.gauge("checkpoints_skipped", skipped)
    return Training(step, spec, ranks, reader, engine, checkpoints, done, curve)


@dataclass
class Training:
    """One rank's view of the training."""

    step: run.Step
    spec: PretrainJobSpec
    ranks: Ranks
    reader: Reader
    engine: Any
    checkpoints: Checkpoints
    done: int  # optimizer steps
    curve: Curve
    saved: Checkpointed | None = None
    tokens_per_second: float = 0.0

    def train(self, stop: list[int]) -> None:
        """Train to the last step.

        Raises:
            Preempted: a rank was asked to stop, and the state is saved.
            StepFailed: the loss is no longer a number.
        """
        recipe, first, began = self.reader.recipe, self.done, time.monotonic()
        while self.done < recipe.steps:
            rate = learning_rate(self.done, recipe.steps, self.spec.optimizer)
            loss, stops = self._step(self.reader.rows(self.done), rate, bool(stop))
            if not math.isfinite(loss):
                raise StepFailed(f"the loss of step {self.done} is {loss}", "LossDiverged")
            self.done += 1
            elapsed = time.monotonic() - began
            self.tokens_per_second = (self.done - first) * recipe.batch_tokens / elapsed
            self.curve.append({"step": self.done, "loss": loss, "learning_rate": rate})
            self._save_when_due(stops)
            self._report()

    def _step(self, rows: Rows, rate: float, stop: bool) -> tuple[float, bool]:
        """Do one optimizer step; return its loss, and whether any rank was told to stop."""
        for group in self.engine.optimizer.param_groups:
            group["lr"] = rate
        pad, size = self.reader.recipe.pad, self.engine.train_micro_batch_size_per_gpu()
        # DeepSpeed divides by ranks and by accumulated micro-batches; a mean over tokens must not.
        scale = predicted(rows, pad) / self.ranks.world / self.engine.gradient_accumulation_steps()
        mine, loss = torch.from_numpy(rows[self.ranks.rank :: self.ranks.world]), 0.0
        for micro in torch.split(mine, size):
            part = self._loss(micro, scale)
            self.engine.backward(part)
            self.engine.step()
            loss += float(part.detach())
        share = self.ranks.world * self.engine.gradient_accumulation_steps()
        total, stops = self.ranks.sum(loss / share, float(stop))
        return total, stops > 0

    def _loss(self, rows: torch.Tensor, count: float) -> torch.Tensor:
        """Return the summed loss of the rows' tokens, divided by `count`."""
        inputs = rows.to(self.ranks.device)
        targets = torch.from_numpy(labels(rows.numpy(), self.reader.recipe.pad))
        output = self.engine(
            input_ids=inputs, labels=targets.to(self.ranks.device), num_items_in_batch=count
        )
        return cast(torch.Tensor, output.loss)

    def _save_when_due(self, stops: bool) -> None:
        last = self.done == self.reader.recipe.steps
        if stops or (self.done % self.spec.checkpoint.every_steps == 0 and not last):
            self.saved = self.checkpoints.save(self.engine, self.done, self.curve)
        if stops and not last:
            raise Preempted(f"stopped by SIGTERM; saved after step {self.done}")

    def _report(self) -> None:
        point = self.curve[-1]
        self.step.progress.update(
            self.done,
            self.reader.recipe.steps,
            "steps",
            f"loss {point['loss']:.2f}",
            {
                "loss": point["loss"],
                "learning_rate": point["learning_rate"],
                "grad_norm": float(self.engine.get_global_grad_norm() or 0.0),
                "tokens_per_second": self.tokens_per_second,
            },
            self.saved,
        )
        if self.ranks.rank == 0 and (
            self.done % LOG_STEPS == 0 or self.done == self.reader.recipe.steps
        ):
            log.info(
                "step %d: %.4f, %.0f tokens/s", self.done, point["loss"], self.tokens_per_second
            )

    def result(self, tokenizer: Any) -> run.Made:
        """Measure the loss on held-out documents, and write the model's folder (rank 0)."""
        held_out, weights = self._held_out_loss(), deepspeed_engine.weights(self.engine)
        folder = self.step.scratch / "model"
        results: dict[str, float | int | str] = {
            "loss": round(
                sum(point["loss"] for point in self.curve[-20:]) / len(self.curve[-20:]), 4
            ),
            **({"heldOutLoss": round(held_out, 4)} if held_out is not None else {}),
            "tokens": self.reader.recipe.steps * self.reader.recipe.batch_tokens,
            "tokensPerSecond": round(self.tokens_per_second),
            "steps": self.done,
        }
        if self.ranks.rank == 0:
            folder.mkdir(parents=True, exist_ok=True)
            model.save(self.engine.module, weights, tokenizer, [self.reader.recipe.end], folder)
            model.write_curve(folder, self.curve)
            card.write(folder, self.step, results)
        self.ranks.wait()
        return run.Made(folder, results, {"fill": self.fill}, LIBRARIES)

    @property
    def fill(self) -> float:
        """Share of the last step's tokens that are no padding."""
        rows = self.reader.rows(self.done - 1)
        return round(float((rows != self.reader.recipe.pad).mean()), 4)

    @torch.no_grad()
    def _held_out_loss(self) -> float | None:
        """Return the loss of a token of documents that training never saw; None without any."""
        rows = self.reader.held_out(HELD_OUT_ROWS)
        rows = rows[: len(rows) // self.ranks.world * self.ranks.world]
        if not len(rows):
            return None
        self.engine.eval()
        mine = torch.from_numpy(rows[self.ranks.rank :: self.ranks.world])
        loss = sum(float(self._loss(one, 1.0)) for one in torch.split(mine, 8))
        return self.ranks.sum(loss)[0] / predicted(rows, self.reader.recipe.pad)


@contextmanager
def asked_to_stop() -> Iterator[list[int]]:
    """Collect SIGTERM instead of dying of it: the loop looks between two steps."""
    signals: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: signals.append(number))
    try:
        yield signals
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    disable_progress_bar()
    run.main(make)
