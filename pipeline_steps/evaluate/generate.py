"""Ask a model: open its folder, put the questions as it was taught, draw answers."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from oremill.specs.evaluate import Benchmark
from pipeline_steps.errors import UserError
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
        self._context = int(getattr(self._model.config, "max_position_embeddings", 2**31))
        self.shortened = 0  # prompts of the last benchmark that lost their beginning

    def answers(
        self,
        questions: Sequence[str],
        benchmark: Benchmark,
        seed: int,
        on_progress: Callable[[int], None],
    ) -> list[str]:
        """Return one answer for each question; `on_progress` is told how many there are.

        A prompt that does not fit into the model with its answer loses its beginning.

        Raises:
            UserError: the answer alone does not fit.
        """
        room = self._context - benchmark.max_new_tokens
        if room < 1:
            raise UserError(
                f"spec.benchmarks: maxNewTokens {benchmark.max_new_tokens} of {benchmark.name} "
                f"leaves no room for a prompt; {self.name} reads {self._context} tokens"
            )
        prompts = [self._ids(question, benchmark.mode) for question in questions]
        self.shortened = sum(len(prompt) > room for prompt in prompts)
        prompts = [prompt[-room:] for prompt in prompts]
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
        return {
            "dtype": str(self._model.dtype),
            "chatTemplate": sha256(template.encode()).hexdigest()[:16],
        }

    def _ids(self, question: str, mode: str) -> list[int]:
        if mode == "completion":
            return list(self._tokenizer.encode(question, add_special_tokens=False))
        turn = [{"role": "user", "content": question}]
        text = self._tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _stop_ids(self) -> list[int]:
        known: dict[str, int] = self._tokenizer.get_vocab()
        return sorted({known[name] for name in (END_OF_TEXT, IM_END) if name in known})
