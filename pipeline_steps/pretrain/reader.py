"""Which tokens a step sees: a pure function of (documents, plan, step), for any number of ranks.

Each source is an endless stream: its documents in a random order, then in another, and so on (an
epoch each). Training takes from every stream the share of tokens that the mixture gives it. Steps
are grouped into segments of about one pass over the corpus; a segment's documents are cut into
chunks, transformed (FIM), packed, and its rows shuffled. A segment also ends where FIM starts. So
the only position of the reader is the step, and a resume repeats nothing and loses nothing.

Documents share rows without a mask between them: the end-of-text tells the model where one ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline_steps.errors import UserError
from pipeline_steps.pretrain import fim
from pipeline_steps.pretrain.documents import Documents
from pipeline_steps.pretrain.packing import best_fit

IGNORED = -100  # label of a position without a loss, by PyTorch's convention
SMALLEST_SEGMENT = 64  # steps: a segment must hold enough chunks to fill rows
LARGEST_SEGMENT = 2**26  # tokens: bounds the time and memory of packing (seconds, some 100 MB)

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Recipe:
    """What of the spec and the tokenizer decides the rows."""

    context: int  # tokens of a row
    batch_tokens: int  # tokens of a step, over all ranks
    steps: int
    seed: int
    marks: fim.Marks
    end: int  # token id of end-of-text
    pad: int  # token id of padding
    fim_rate: float = 0.0
    spm_rate: float = 0.0
    fim_start: int = 0  # tokens of left-to-right training first
    mixture: dict[str, float] = field(default_factory=dict)  # source -> weight; empty: by size

    @property
    def rows_per_step(self) -> int:
        """Rows of a step, over all ranks."""
        return self.batch_tokens // self.context


@dataclass(frozen=True)
class Segment:
    """Steps whose rows are packed and shuffled together."""

    first: int
    steps: int
    fim_rate: float


@dataclass(frozen=True)
class Chunk:
    """A part of a document that goes into one row."""

    epoch: int
    document: int
    number: int  # within the document
    start: int  # offset into the tokens of the corpus
    length: int  # tokens of the corpus
    fim: bool

    @property
    def size(self) -> int:
        """Tokens of the row that it takes; a transformed chunk brings its own end-of-text."""
        return self.length + (fim.MARKS + 1 if self.fim else 0)


@dataclass(frozen=True)
class Stream:
    """The endless sequence of a source's documents."""

    number: int
    share: float
    documents: NDArray[np.int64]
    lengths: NDArray[np.int64]
    held_out: list[int]

    def between(self, start: int, stop: int, seed: int) -> Iterator[tuple[int, int]]:
        """Yield (epoch, document) of all that overlap the tokens [start, stop) of the stream."""
        whole = int(self.lengths.sum())
        for epoch in range(start // whole, -(-stop // whole)):
            order = np.random.default_rng([seed, self.number, epoch]).permutation(
                len(self.documents)
            )
            ends = epoch * whole + np.cumsum(self.lengths[order])
            first = int(np.searchsorted(ends, start, side="right"))
            last = int(np.searchsorted(ends, stop, side="left")) + 1
            for document in self.documents[order[first:last]].tolist():
                yield epoch, document


@dataclass
class Reader:
    """Rows of token ids by step."""

    documents: Documents
    recipe: Recipe
    _loaded: tuple[Segment, list[list[Chunk]]] | None = None

    @cached_property
    def segments(self) -> list[Segment]:
        """The whole training, in order."""
        tokens = int(self.documents.starts[-1])
        return segments(self.recipe, tokens)

    @cached_property
    def streams(self) -> list[Stream]:
        """A stream for each source of the mixture, or one for the whole corpus."""
        return streams(self.documents, self.recipe.mixture)

    def rows(self, step: int) -> Rows:
        """Return a step's rows over all ranks, (rows_per_step, context), padded at the right."""
        segment, packed = self._segment(step)
        first = (step - segment.first) * self.recipe.rows_per_step
        wanted = packed[first : first + self.recipe.rows_per_step]
        return np.stack([self._row(chunks) for chunks in wanted])

    def held_out(self, limit: int) -> Rows:
        """Return about `limit` rows, in the mixture's shares, of documents never trained on."""
        rows = []
        for stream in self.streams:
            chunks = [chunk for one in stream.held_out for chunk in self._chunks(0, one, 0.0)]
            packed = best_fit([chunk.size for chunk in chunks], self.recipe.context)
            order = np.random.default_rng(self.recipe.seed).permutation(len(packed))
            for row in order[: round(limit * stream.share)]:
                rows.append(self._row([chunks[index] for index in packed[row]]))
        return np.stack(rows) if rows else np.empty((0, self.recipe.context), np.int64)

    def _segment(self, step: int) -> tuple[Segment, list[list[Chunk]]]:
        if self._loaded is None or not 0 <= step - self._loaded[0].first < self._loaded[0].steps:
            segment = next(one for one in self.segments if step < one.first + one.steps)
            self._loaded = (segment, self._packed(segment))
        return self._loaded

    def _packed(self, segment: Segment) -> list[list[Chunk]]:
        """Return the segment's rows in order; what does not fit into its steps is left out."""
        recipe = self.recipe
        chunks = [
            chunk
            for stream in self.streams
            for epoch, document in stream.between(
                int(segment.first * recipe.batch_tokens * stream.share),
                int((segment.first + segment.steps) * recipe.batch_tokens * stream.share) + 1,
                recipe.seed,
            )
            for chunk in self._chunks(epoch, document, segment.fim_rate)
        ]
        rows = best_fit([chunk.size for chunk in chunks], recipe.context)
        random = np.random.default_rng([recipe.seed, segment.first])
        kept = random.permutation(len(rows))[: segment.steps * recipe.rows_per_step]
        return [[chunks[index] for index in random.permutation(rows[row])] for row in kept]

    def _chunks(self, epoch: int, document: int, rate: float) -> Iterator[Chunk]:
        """Cut a document into chunks that fit into a row, with FIM's marks where it applies."""
        start, stop = self.documents.starts[document : document + 2].tolist()
        identity, number = int(self.documents.ids[document]), 0
        while start < stop:
            content = stop - 1 - start  # without the end-of-text
            chosen = content > 0 and fim.is_chosen(
                fim.draw(self.recipe.seed, epoch, identity, number), rate
            )
            if chosen:
                length = min(content, self.recipe.context - fim.MARKS - 1)
                yield Chunk(epoch, document, number, start, length, True)
                length += length == content  # the end-of-text is replaced by the chunk's own
            else:
                length = min(stop - start, self.recipe.context)
                yield Chunk(epoch, document, number, start, length, False)
            start, number = start + length, number + 1

    def _row(self, chunks: list[Chunk]) -> NDArray[np.int64]:
        tokens = np.concatenate([self._tokens(chunk) for chunk in chunks])
        row = np.full(self.recipe.context, self.recipe.pad, dtype=np.int64)
        row[: len(tokens)] = tokens
        return row

    def _tokens(self, chunk: Chunk) -> NDArray[np.int64]:
        tokens = self.documents.tokens[chunk.start : chunk.start + chunk.length].astype(np.int64)
        if not chunk.fim:
            return tokens
        recipe, identity = self.recipe, int(self.documents.ids[chunk.document])
        numbers = fim.draw(recipe.seed, chunk.epoch, identity, chunk.number)
        at = fim.cut(numbers, chunk.length, recipe.spm_rate)
        return np.append(fim.transformed(tokens, at, recipe.marks), recipe.end)


def labels(rows: Rows, pad: int) -> Rows:
    """Return the rows with padding marked as positions without a loss."""
    return np.where(rows == pad, IGNORED, rows)


def predicted(rows: Rows, pad: int) -> int:
    """Return how many tokens of the rows have a loss: all but padding and each row's first."""
    return int((rows[:, 1:] != pad).sum())


def segments(recipe: Recipe, corpus_tokens: int) -> list[Segment]:
    """Return the segments of a training, each about one pass over the corpus."""
    largest = max(1, LARGEST_SEGMENT // recipe.batch_tokens)
    length = min(max(corpus_tokens // recipe.batch_tokens, SMALLEST_SEGMENT), largest)
    border = min(recipe.steps, -(-recipe.fim_start // recipe.batch_tokens))
    made = []
    for begin, end, rate in ((0, border, 0.0), (border, recipe.steps, recipe.fim_rate)):
        for first in range(begin, end, length):
            made.append(Segment(first, min(length, end - first), rate))
    return made


def streams(documents: Documents, mixture: dict[str, float]) -> list[Stream]:
    """Return a stream for each source that has a weight, or one for everything.

    Raises:
        UserError: the mixture and the corpus's sources differ.
    """
    if not mixture:
        return [_stream(documents, 0, 1.0, np.ones(len(documents.ids), dtype=np.bool_))]
    if set(mixture) != set(documents.names) or not any(mixture.values()):
        raise UserError(
            f"spec.mixture: has weights for {', '.join(sorted(mixture))}; the corpus's sources are "
            f"{', '.join(documents.names)}: give each a weight, 0 to leave it out, not all 0"
        )
    total = sum(mixture.values())
    return [
        _stream(documents, number, mixture[name] / total, documents.sources == number)
        for number, name in enumerate(documents.names)
        if mixture[name] > 0
    ]


def _stream(documents: Documents, number: int, share: float, own: NDArray[np.bool_]) -> Stream:
    held_out = np.flatnonzero(own & documents.held_out)
    chosen = np.flatnonzero(own & ~documents.held_out)
    if not len(chosen):  # a source of one or two documents must not lose them
        chosen, held_out = held_out, chosen
    return Stream(number, share, chosen, documents.lengths[chosen], held_out.tolist())
