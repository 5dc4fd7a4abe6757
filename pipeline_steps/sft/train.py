"""Fine-tune a model on conversations: TRL's SFTTrainer, with the loss on the assistant alone.

    torchrun → python -m pipeline_steps.sft.train    (see pipeline_steps.launch)

In: a model and JSON Lines of conversations. Out: a Hugging Face folder whose generation ends with
`<|im_end|>`. The chat template's {% generation %} block tells TRL which tokens are the assistant's,
the end of its turn included. Conversations are not packed: they would attend to their neighbours,
which a short fine-tuning does not forgive. TRL trains and writes its own checkpoints; a callback
carries them to the bucket, reports, and lets SIGTERM save before it stops.
"""

import json
import logging
import math
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset, disable_progress_bars
from torch.optim.lr_scheduler import LambdaLR
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers.utils.logging import disable_progress_bar
from trl import SFTConfig, SFTTrainer

from oremill.specs.artifact import Checkpointed
from oremill.specs.sft import SFTJobSpec
from pipeline_steps import run
from pipeline_steps.errors import Preempted, StepFailed, UserError
from pipeline_steps.pretrain import card, model
from pipeline_steps.pretrain.checkpoint import Checkpoints, Curve
from pipeline_steps.pretrain.engine import Ranks
from pipeline_steps.pretrain.schedule import learning_rate, micro_batch
from pipeline_steps.pretrain.train import asked_to_stop
from pipeline_steps.sentinels import IM_END
from pipeline_steps.sft import conversations

log = logging.getLogger(__name__)

LIBRARIES = ("torch", "transformers", "trl", "accelerate", "datasets", "tokenizers", "safetensors")
LOG_STEPS = 20
MICRO = 32  # largest number of conversations of one forward pass of a rank


def make(step: run.Step) -> run.Made:
    """Fine-tune, and return the model's folder; every rank calls it."""
    spec, ranks = cast(SFTJobSpec, step.spec), Ranks.join()
    base = step.input("modelRef")
    tokenizer = AutoTokenizer.from_pretrained(base, eos_token=IM_END)
    kept, dropped = conversations.fitting(
        conversations.read(step.store, spec), tokenizer, spec.max_length
    )
    checkpoints = Checkpoints(step, ranks, spec.checkpoint.keep)
    with asked_to_stop() as stop:
        watch = Watch(step, ranks, checkpoints, spec.checkpoint.every_steps, stop)
        trainer = trainer_of(spec, ranks, base, tokenizer, kept, step.scratch / "trainer", [watch])
        folder, skipped = checkpoints.newest()
        watch.resumed(folder, skipped)
        trainer.train(resume_from_checkpoint=str(folder) if folder else None)
    if watch.stopped:
        raise Preempted(f"stopped by SIGTERM; saved after step {trainer.state.global_step}")
    return _result(step, ranks, base, tokenizer, trainer, len(kept), dropped)


def trainer_of(
    spec: SFTJobSpec,
    ranks: Ranks,
    base: Path,
    tokenizer: Any,
    kept: list[conversations.Messages],
    folder: Path,
    callbacks: list[TrainerCallback],
) -> SFTTrainer:
    """Return TRL's trainer for the model in `base`; it writes into `folder`."""
    network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    network.config.use_cache = False
    steps = math.ceil(spec.epochs * math.ceil(len(kept) / spec.batch_size))
    optimizer = model.adamw(network, spec.optimizer)
    rate = LambdaLR(
        optimizer, lambda done: learning_rate(done, steps, spec.optimizer) / spec.optimizer.peak_lr
    )
    trainer = SFTTrainer(
        model=network,
        args=config(spec, ranks, steps, folder),
        train_dataset=Dataset.from_list([{"messages": one} for one in kept]),
        processing_class=tokenizer,
        optimizers=(optimizer, rate),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)  # Watch reports
    return trainer


def config(spec: SFTJobSpec, ranks: Ranks, steps: int, folder: Path) -> SFTConfig:
    """Return TRL's settings.

    Raises:
        UserError: the batch cannot be dealt to the ranks.
    """
    if spec.batch_size % ranks.world:
        raise UserError(
            f"spec.batchSize: {spec.batch_size} is not a multiple of the number of ranks "
            f"{ranks.world}"
        )
    micro = micro_batch(spec.batch_size // ranks.world, MICRO)
    gpu = ranks.device.type == "cuda"
    return SFTConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=spec.batch_size // ranks.world // micro,
        max_grad_norm=spec.optimizer.grad_clip,
        max_length=None,  # longer conversations are already dropped
        assistant_only_loss=True,
        packing=False,
        eos_token=IM_END,
        seed=spec.seed,
        use_cpu=not gpu,
        bf16=gpu,
        activation_checkpointing=gpu,
        ddp_find_unused_parameters=False,
        dataloader_pin_memory=gpu,
        save_strategy="no",  # Watch says when
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
    )


class Watch(TrainerCallback):  # type: ignore[misc]
    """Between two steps: report, save when it is due, stop when asked to."""

    def __init__(
        self,
        step: run.Step,
        ranks: Ranks,
        checkpoints: Checkpoints,
        every: int,
        stop: list[int],
    ) -> None:
        self.step, self.ranks, self.checkpoints, self.every = step, ranks, checkpoints, every
        self.stop, self.stopped = stop, False
        self.saved: Checkpointed | None = None

    def resumed(self, folder: Path | None, skipped: int) -> None:
        """Tell the operator where this attempt goes on from."""
        if folder is not None:
            number = int(folder.name.removeprefix("step-"))
            log.info("resumed after step %d; %d damaged checkpoints skipped", number, skipped)
            self.step.progress.update(number, 0, "steps", "resumed", resumed_from=number)
            self.step.progress.gauge("checkpoints_skipped", skipped)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Decide, alike on all ranks, whether to save and whether to stop."""
        last = state.global_step >= state.max_steps
        self.stopped = not last and self.ranks.sum(float(bool(self.stop)))[0] > 0
        control.should_training_stop |= self.stopped
        due = state.global_step % self.every == 0 and not last
        control.should_save = due or self.stopped

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Carry the trainer's checkpoint to the bucket."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        self.saved = self.checkpoints.publish(folder, state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Report a step; a loss that is no number ends the run."""
        if "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise StepFailed(f"the loss of step {state.global_step} is {loss}", "LossDiverged")
        metrics = {name: float(logs[name]) for name in ("loss", "learning_rate", "grad_norm")}
        self.step.progress.update(
            state.global_step, state.max_steps, "steps", f"loss {loss:.2f}", metrics, self.saved
        )
        if self.ranks.rank == 0 and state.global_step % LOG_STEPS == 0:
            log.info("step %d of %d: loss %.4f", state.global_step, state.max_steps, loss)


def curve(trainer: SFTTrainer) -> Curve:
    """Return the loss of every step."""
    return [
        {"step": entry["step"], "loss": entry["loss"], "learning_rate": entry["learning_rate"]}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]


def _result(
    step: run.Step,
    ranks: Ranks,
    base: Path,
    tokenizer: Any,
    trainer: SFTTrainer,
    examples: int,
    dropped: int,
) -> run.Made:
    """Write the model's folder (rank 0)."""
    folder, points = step.scratch / "model", curve(trainer)
    last = [point["loss"] for point in points[-20:]]
    results: dict[str, float | int | str] = {
        "loss": round(sum(last) / len(last), 4),
        "examples": examples,
        "steps": trainer.state.global_step,
    }
    if ranks.rank == 0:
        folder.mkdir(parents=True, exist_ok=True)
        network = trainer.accelerator.unwrap_model(trainer.model)
        end = tokenizer.convert_tokens_to_ids(IM_END)
        model.save(network, network.state_dict(), base, [end], folder)
        _end_turns(folder / "tokenizer_config.json")
        model.write_curve(folder, points)
        card.write(folder, step, results)
    ranks.wait()
    return run.Made(folder, results, {"dropped": {"too_long": dropped}}, LIBRARIES)


def _end_turns(path: Path) -> None:
    """Make the end of a turn the tokenizer's end of sequence, as it is the model's."""
    settings = json.loads(path.read_text()) | {"eos_token": IM_END}
    path.write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    disable_progress_bar()
    disable_progress_bars()
    run.main(make)
