"""Ask a model: open its folder, put the questions as it was taught, draw answers."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from oremill.specs.evaluate import Benchmark
from pipeline_steps.errors import StepFailed
from pipeline_steps.sampler import sample
from pipeline_steps.sentinels import END_OF_TEXT, IM_END

AT_ONCE = 256  # answers drawn between two reports of progress


class Model:
    """A model and its tokenizer."""

    def __init__(self, name: str, folder: Path) -> None:
        """Open a Hugging Face folder, on the GPU where there is one."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.name = name
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").to(device).eval()
        self.dtype = str(self._model.dtype)

    def answers(
        self,
        questions: Sequence[str],
        benchmark: Benchmark,
        seed: int,
        on_progress: Callable[[int], None],
    ) -> list[str]:
        """Return one answer for each question; `on_progress` is told how many there are.

        Raises:
            StepFailed: a question and its answer do not fit into the model.
        """
        prompts = [self._ids(question, benchmark.mode) for question in questions]
        self._check_length(max(map(len, prompts)) + benchmark.max_new_tokens)
        found: list[str] = []
        for start in range(0, len(prompts), AT_ONCE):
            found += [
                completion.text
                for completion in sample(
                    self._model,
                    self._tokenizer,
                    prompts[start : start + AT_ONCE],
                    benchmark.max_new_tokens,
                    benchmark.temperature,
                    benchmark.top_p,
                    self._stop_ids(),
                    seed + start,
                )
            ]
            on_progress(len(found))
        return found

    def fingerprint(self) -> dict[str, str]:
        """Return what of the model's side shapes a score."""
        template = str(self._tokenizer.chat_template or "")
        return {"dtype": self.dtype, "chatTemplate": sha256(template.encode()).hexdigest()[:16]}

    def _ids(self, question: str, mode: str) -> list[int]:
        if mode == "completion":
            return list(self._tokenizer.encode(question, add_special_tokens=False))
        turn = [{"role": "user", "content": question}]
        text = self._tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _stop_ids(self) -> list[int]:
        known: dict[str, int] = self._tokenizer.get_vocab()
        return sorted({known[name] for name in (END_OF_TEXT, IM_END) if name in known})

    def _check_length(self, needed: int) -> None:
        most: Any = getattr(self._model.config, "max_position_embeddings", None)
        if most and needed > most:
            raise StepFailed(
                f"{self.name} reads at most {most} tokens, and a question with its answer takes "
                f"{needed}: lower maxNewTokens"
            )
