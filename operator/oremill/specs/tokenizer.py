"""TokenizerJob: a byte-level BPE vocabulary made for a corpus."""

from typing import Annotated, Literal

from pydantic import Field

from oremill.specs.common import PLACEMENT, CorpusRef, Count, JobSpec


class TokenizerJobSpec(JobSpec):
    """Trains a byte-level BPE tokenizer on a corpus."""

    corpus_ref: Annotated[CorpusRef, PLACEMENT]
    """Corpus to train on."""
    vocab_size: Annotated[int, Field(ge=512, le=262_144)] = 32_768
    """Tokens, sentinels included."""
    digits: Literal["single", "triples", "free"] = "single"
    """How numbers are cut: every digit a token, up to three, or as BPE finds."""
    min_frequency: Annotated[int, Field(ge=1)] = 2
    """Pairs that occur less often are not merged."""
    sample_bytes: Annotated[Count, Field(ge=1)] = 1_000_000_000
    """Bytes of the corpus to train on, taken evenly by language."""
