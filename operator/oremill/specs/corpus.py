"""DataCorpus: raw repositories in, deduplicated and redacted Parquet shards out."""

from typing import Annotated, Literal

from pydantic import Field

from oremill.specs.common import PLACEMENT, JobSpec, Model, Name, ObjectKey, Workers

# Permissive by the Blue Oak Council list (blueoakcouncil.org/list): those met most in packages.
PERMISSIVE = (
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT",
    "MIT-0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
)  # fmt: skip


class Archives(Model):
    """Archives in the bucket (tar, tar.gz, tgz, crate, zip); each is one repository."""

    prefix: ObjectKey
    """Key prefix below which every archive is read."""


class Source(Model):
    """A place that repositories come from."""

    name: Name
    """Name of the source in counters and in the corpus."""
    role: Literal["code", "text", "math"] = "code"
    """What the source adds to the mixture."""
    archives: Archives
    """Archives of the bucket."""


class Licences(Model):
    """Which licences may enter the corpus; they are detected from text."""

    allow: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=128)] = Field(
        default=list(PERMISSIVE)
    )
    """SPDX identifiers that are kept."""
    unlicensed: Literal["keep", "drop"] = "drop"
    """What happens to files for which no licence text was found."""


class Quality(Model):
    """Thresholds of StarCoder2 (arXiv:2402.19173): a file past one of them is dropped."""

    max_file_bytes: Annotated[int, Field(ge=1)] = 1_000_000
    """Largest file, in bytes."""
    max_line_length: Annotated[int, Field(ge=1)] = 1_000
    """Longest line, in characters."""
    max_mean_line_length: Annotated[float, Field(gt=0)] = 100.0
    """Largest mean length of a line, in characters."""
    max_lines: Annotated[int, Field(ge=1)] = 100_000
    """Most lines of a file."""
    min_alphabetic_fraction: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Smallest share of alphabetic characters."""
    drop_generated: bool = True
    """Drop files that say or show that a program wrote them, minified ones included."""
    drop_vendored: bool = True
    """Drop third-party code kept inside a repository."""


class NearDedup(Model):
    """MinHash LSH, verified by the true Jaccard similarity of shingles."""

    enabled: bool = True
    """Remove near-duplicates."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Smallest Jaccard similarity at which a file is a duplicate of a kept one."""
    shingle: Annotated[int, Field(ge=1, le=32)] = 5
    """Tokens of a shingle."""
    bands: Annotated[int, Field(ge=1, le=256)] = 25
    """LSH bands."""
    rows: Annotated[int, Field(ge=1, le=64)] = 10
    """Hashes of a band."""


class Dedup(Model):
    """Which copies are removed; the first in (source, repository, path) order is kept."""

    exact: bool = True
    """Remove files whose bytes are equal."""
    near: NearDedup = Field(default=NearDedup())
    """Remove near-duplicates."""


class Redaction(Model):
    """What is replaced by a placeholder that the tokenizer keeps as one token."""

    secrets: bool = True
    """Replace keys, tokens and passwords by <KEY>."""
    emails: bool = True
    """Replace e-mail addresses by <EMAIL>."""


class Contamination(Model):
    """A benchmark whose problems must not be in the corpus; give benchmark or key, not both."""

    benchmark: Literal["humaneval"] | None = None
    """A benchmark that ships inside the image."""
    key: ObjectKey | None = None
    """Object key of a problems file: JSON Lines with task_id, prompt and, where known, solution."""
    ngram: Annotated[int, Field(ge=0, le=64)] = 10
    """Words of an n-gram that may not occur; 0 compares whole prompts and solutions only."""


class DataCorpusSpec(JobSpec):
    """Turns archives of source code into training shards."""

    sources: Annotated[list[Source], Field(min_length=1, max_length=64)]
    """Where repositories come from."""
    licences: Licences = Field(default=Licences())
    """Which licences may enter."""
    quality: Quality = Field(default=Quality())
    """Which files are too large, generated, minified or not code."""
    dedup: Dedup = Field(default=Dedup())
    """Which copies are removed."""
    redaction: Redaction = Field(default=Redaction())
    """What is replaced by a placeholder."""
    decontamination: Annotated[list[Contamination], Field(max_length=16)] = Field(default=[])
    """Benchmarks that are kept out of the corpus."""
    workers: Annotated[Workers, PLACEMENT] = Field(default=Workers())
    """Pods of the job."""
