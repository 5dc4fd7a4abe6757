"""Make a tokenizer for a corpus.

    python -m pipeline_steps.tokenizer

In: the corpus (input corpusRef). Out: tokenizer.json, tokenizer_config.json (with the chat
template), report.json (bytes per token by language on held-out documents, beside the same trained
with GPT-2's cut).
"""

import json
import logging
from collections.abc import Iterator
from typing import Any, cast

from oremill.specs.tokenizer import TokenizerJobSpec
from pipeline_steps import run
from pipeline_steps.tokenizer import report, training
from pipeline_steps.tokenizer.sample import Sample

log = logging.getLogger(__name__)
LIBRARIES = ("tokenizers", "pyarrow")
# A second training, to compare with, costs as much as the first: about 15 s for this many bytes.
COMPARED_BYTES = 50_000_000


def make(step: run.Step) -> run.Made:
    """Sample, train, save, measure."""
    spec = cast(TokenizerJobSpec, step.spec)
    sample = Sample.plan(step.input("corpusRef"), spec.sample_bytes)
    log.info("training on about %d bytes of %d languages", sample.bytes, len(sample.rates))
    size, least = spec.vocab_size, spec.min_frequency
    tokenizer = training.train(_texts(step, sample), size, least, spec.digits)
    folder = step.scratch / "tokenizer"
    training.save(tokenizer, folder)
    fit = report.measure(tokenizer, sample.held_out())
    shown: dict[str, Any] = {
        "vocabulary": tokenizer.get_vocab_size(),
        "sampleBytes": sample.bytes,
        "heldOut": sample.has_held_out,
        "bytesPerToken": fit.overall,
        "languages": fit.by_language(),
    }
    if sample.bytes <= COMPARED_BYTES:
        other = training.train_like_gpt2(_texts(step, sample), size, least)
        shown["gpt2BytesPerToken"] = report.measure(other, sample.held_out()).overall
    (folder / "report.json").write_text(json.dumps(shown, indent=2) + "\n")
    results = {"vocabulary": shown["vocabulary"], "bytesPerToken": fit.overall}
    return run.Made(folder, results, shown, LIBRARIES)


def _texts(step: run.Step, sample: Sample) -> Iterator[str]:
    """Yield the sample's texts, and say how many bytes were read; merging them takes longer."""
    done = 0
    for document in sample.training():
        yield document.content
        done += document.bytes
        step.progress.update(done, max(done, sample.bytes), "bytes", f"{done / 1e6:.1f} MB read")


if __name__ == "__main__":
    run.main(make)
