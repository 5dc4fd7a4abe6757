"""How well a tokenizer fits: bytes per token on documents it was not trained on, by language.

Bytes, not characters, so that scripts compare; higher is better.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from pipeline_steps.tokenizer.sample import Document


@dataclass
class Fit:
    """Bytes and tokens of each language."""

    bytes: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)

    @property
    def overall(self) -> float:
        """Bytes per token of all languages together; 0 for an empty corpus."""
        return round(self.bytes.total() / max(1, self.tokens.total()), 4)

    def by_language(self) -> dict[str, dict[str, float]]:
        """Return bytes, tokens and bytes per token of each language."""
        return {
            name: {
                "bytes": self.bytes[name],
                "tokens": self.tokens[name],
                "bytesPerToken": round(self.bytes[name] / max(1, self.tokens[name]), 4),
            }
            for name in sorted(self.bytes)
        }


def measure(tokenizer: Tokenizer, documents: Iterable[Document]) -> Fit:
    """Encode documents one by one."""
    fit = Fit()
    for document in documents:
        fit.bytes[document.language] += document.bytes
        fit.tokens[document.language] += len(tokenizer.encode(document.content))
    return fit
