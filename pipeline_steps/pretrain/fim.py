"""Fill-in-the-middle (arXiv:2207.14255) as a pure function of (seed, epoch, document, chunk).

A chunk of a document is cut in three at two token boundaries and emitted as one of

    PSM   <|fim_prefix|> prefix <|fim_suffix|> suffix <|fim_middle|> middle
    SPM   <|fim_prefix|> <|fim_suffix|> suffix <|fim_middle|> prefix middle

with an end-of-text behind it, so that the model learns where a middle ends. It happens before
packing, to a chunk that leaves room for the marks, so nothing is cut off to make it fit: reference
loaders cut the end, which is the middle, the very target. Cuts fall between tokens: with a small
vocabulary those are fine enough, and no character is ever torn.

Draws come from a hash of what is transformed, not from the state of a loader: neither a resume nor
another number of workers changes them.
"""

import struct
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

MARKS = 3  # sentinels that a transform adds; the end-of-text comes from the packer

Tokens = NDArray[np.int64]
Draw = tuple[int, int, int, int]  # each uniform in [0, 2**64)


@dataclass(frozen=True)
class Marks:
    """Token ids of the sentinels."""

    prefix: int
    middle: int
    suffix: int


@dataclass(frozen=True)
class Cut:
    """Where a chunk is cut: the middle is [first, last), and never empty."""

    first: int
    last: int
    spm: bool


def draw(seed: int, epoch: int, document: int, chunk: int) -> Draw:
    """Return four numbers that depend on nothing else."""
    key = struct.pack("<QQQQ", seed, epoch, document, chunk)
    return struct.unpack("<4Q", blake2b(key, digest_size=32).digest())


def is_chosen(numbers: Draw, rate: float) -> bool:
    """Say whether a chunk is transformed, which happens to the share `rate` of them."""
    return numbers[0] < rate * 2**64


def cut(numbers: Draw, length: int, spm_rate: float) -> Cut:
    """Return two different cut points among the `length` + 1 token boundaries, all pairs alike."""
    first = numbers[2] % (length + 1)
    last = numbers[3] % length
    last += last >= first
    return Cut(min(first, last), max(first, last), numbers[1] < spm_rate * 2**64)


def transformed(tokens: Tokens, at: Cut, marks: Marks) -> Tokens:
    """Return the chunk in PSM or SPM order, longer by three."""
    prefix, middle, suffix = np.split(tokens, [at.first, at.last])
    before, after = np.array([marks.prefix]), np.array([marks.middle])
    between = np.array([marks.suffix])
    if at.spm:
        return np.concatenate([before, between, suffix, after, prefix, middle])
    return np.concatenate([before, prefix, between, suffix, after, middle])


def restored(tokens: Tokens, marks: Marks) -> Tokens:
    """Return the chunk that `transformed` was given, in either order."""
    second = int(np.flatnonzero(tokens == marks.suffix)[0])
    third = int(np.flatnonzero(tokens == marks.middle)[0])
    before, suffix, after = tokens[1:second], tokens[second + 1 : third], tokens[third + 1 :]
    return np.concatenate([before, after, suffix])  # in SPM order nothing is before the suffix
