"""DataCorpus: raw repositories in, deduplicated and redacted Parquet shards out."""

from typing import Annotated, Literal

from pydantic import Field

from oremill.specs.allowlists import AllowList
from oremill.specs.common import PLACEMENT, Count, JobSpec, Model, Name, ObjectKey, Workers
from oremill.specs.thresholds import Preset, Thresholds

Language = Annotated[str, Field(min_length=1, max_length=64)]


class Archives(Model):
    """Archives in the bucket (tar, zip, and what is one of them); each is one repository."""

    prefix: ObjectKey
    """Key prefix below which every archive is read."""


class Files(Model):
    """Loose files in the bucket; the first folder below the prefix is the repository."""

    prefix: ObjectKey
    """Key prefix below which every object is a file."""


Column = Annotated[str, Field(min_length=1, max_length=256)]
ColumnPreset = Literal["plain", "the-stack", "the-stack-v2", "the-stack-v3"]


class Columns(Model):
    """Which column of a row holds what; a column that is left out is the preset's."""

    content: Column | None = None
    """Column of the file's text."""
    path: Column | None = None
    """Column of the path in the repository; rows without one are numbered."""
    repository: Column | None = None
    """Column of the repository's name; rows without one are of the repository of their object."""
    language: Column | None = None
    """Column of the language, in linguist's names; rows without one are looked at."""
    licence: Column | None = None
    """Column of SPDX identifiers; it counts where no text in the repository says otherwise."""
    revision: Column | None = None
    """Column of the commit that the file is of."""
    encoding: Column | None = None
    """Column of the encoding of contents that are bytes; UTF-8 where there is none."""
    blob: Column | None = None
    """Column of the blob's identifier (softwareHeritage)."""
    files: Column | None = None
    """Column that lists the files of a repository, when a row is a repository."""


class Rows(Model):
    """Tables in the bucket; a row is a file, or a repository with its files."""

    prefix: ObjectKey
    """Key prefix below which every table is read."""
    preset: ColumnPreset = "plain"
    """Names of the columns; plain are those of a DataCorpus's own shards."""
    columns: Columns = Field(default=Columns())
    """Columns that have other names than the preset's."""


class JsonLines(Rows):
    """JSON Lines in the bucket (jsonl, ndjson; also gz, zst, bz2, xz)."""


class Parquet(Rows):
    """Parquet files in the bucket."""


class SoftwareHeritage(Rows):
    """Parquet files of blob identifiers, as The Stack v2 is published, and the blobs themselves."""

    preset: ColumnPreset = "the-stack-v2"
    """Names of the columns."""
    blobs: ObjectKey = "content/"
    """Key prefix of the blobs, plain or gzip: an object's key is this and the identifier."""


class Repository(Model):
    """A git repository; give url or bundle, not both."""

    url: Annotated[str, Field(max_length=1024, pattern=r"^https?://[^@\s]+$")] | None = None
    """Address to clone from, without credentials."""
    bundle: ObjectKey | None = None
    """Object key of a bundle (git bundle create)."""
    ref: Annotated[str, Field(max_length=256, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./+-]*$")] = "HEAD"
    """Commit (all its digits), tag or branch that is read."""


class Git(Model):
    """Repositories that are cloned: one commit of each, without history and submodules."""

    repositories: Annotated[list[Repository], Field(min_length=1, max_length=256)]
    """Repositories to clone."""


class HuggingFace(Model):
    """A dataset that the library datasets can stream; give dataset or prefix, not both."""

    dataset: Annotated[str, Field(max_length=256, pattern=r"^[\w.-]+(/[\w.-]+)?$")] | None = None
    """Name of a dataset on the hub."""
    prefix: ObjectKey | None = None
    """Key prefix of a dataset's folder in the bucket."""
    revision: Annotated[str, Field(max_length=256, pattern=r"^[A-Za-z0-9_][\w./+-]*$")] = "main"
    """Commit, tag or branch of a dataset on the hub."""
    subset: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Configuration of the dataset, when it has several."""
    split: Annotated[str, Field(min_length=1, max_length=256)] = "train"
    """Split that is read."""
    preset: ColumnPreset = "plain"
    """Names of the columns; plain are those of a DataCorpus's own shards."""
    columns: Columns = Field(default=Columns())
    """Columns that have other names than the preset's."""


SourceKind = Archives | Files | JsonLines | Parquet | SoftwareHeritage | Git | HuggingFace


class Source(Model):
    """A place that repositories come from; exactly one field says which."""

    name: Name
    """Name of the source in counters and in the corpus."""
    role: Literal["code", "text", "math"] = "code"
    """What the source adds to the mixture."""
    archives: Archives | None = None
    """Archives of the bucket."""
    files: Files | None = None
    """Loose files of the bucket."""
    jsonl: JsonLines | None = None
    """JSON Lines of the bucket."""
    parquet: Parquet | None = None
    """Parquet files of the bucket."""
    software_heritage: SoftwareHeritage | None = None
    """Blobs of Software Heritage in the bucket, and Parquet files that list them."""
    git: Git | None = None
    """Git repositories to clone."""
    huggingface: HuggingFace | None = None
    """A dataset of the hub, or a folder of the bucket that holds one."""

    @property
    def kinds(self) -> dict[str, SourceKind]:
        """The fields that are set, by name; a legal source has exactly one."""
        return {name: given for name in SOURCE_KINDS if (given := getattr(self, name)) is not None}

    @property
    def kind(self) -> SourceKind:
        """What says where repositories come from."""
        (given,) = self.kinds.values()
        return given


SOURCE_KINDS = tuple(name for name in Source.model_fields if name not in ("name", "role"))


class LanguageCap(Model):
    """How much of a language may enter."""

    name: Language
    """Language, as GitHub's linguist names it."""
    max_bytes: Count
    """Most bytes; which files they are is drawn by the hash of their content."""


class Languages(Model):
    """Which languages may enter the corpus, by the names of GitHub's linguist."""

    include: Annotated[list[Language], Field(max_length=1024)] = Field(default=[])
    """Languages that are kept; none given keeps every known one."""
    exclude: Annotated[list[Language], Field(max_length=1024)] = Field(default=[])
    """Languages that are dropped."""
    caps: Annotated[list[LanguageCap], Field(max_length=1024)] = Field(default=[])
    """Languages of which only a part is kept."""
    unknown: Literal["keep", "drop"] = "drop"
    """What happens to files whose language nobody knows, whatever is included."""


class Licences(Model):
    """Which licences may enter the corpus; they are detected from texts and file headers."""

    preset: AllowList = "permissive"
    """Licences that are kept: the Blue Oak Council's list, with weak copyleft, any that SPDX knows,
    or all."""
    allow: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=1024)] = Field(
        default=[]
    )
    """SPDX identifiers that are kept instead of the preset's."""
    unlicensed: Literal["keep", "drop"] = "drop"
    """What happens to files for which no licence was found."""
    mode: Literal["file", "repository"] = "file"
    """Judge each file by its nearest licence, or every file by all licences of its repository."""
    package_metadata: bool = False
    """Believe a package's metadata where no licence text, header or README section is found."""


class Quality(Thresholds):
    """Which files are code worth learning from: a published preset, and own thresholds over it."""

    preset: Preset = "starcoder2"
    """Published thresholds: of StarCoder2, StarCoder, DeepSeek-Coder, OpenCoder, or none."""
    max_file_bytes: Annotated[int, Field(ge=1)] = 1_000_000
    """Largest file, in bytes."""
    drop_generated: bool = True
    """Drop files that say or show that a program wrote them, minified ones included."""
    drop_vendored: bool = True
    """Drop third-party code kept inside a repository."""


Grammar = Literal[
    "C", "C#", "C++", "CSS", "Go", "HTML", "Haskell", "JSON", "Java", "JavaScript", "Julia",
    "OCaml", "PHP", "Python", "Ruby", "Rust", "Scala", "Shell", "TSX", "TypeScript",
]  # fmt: skip


class Parse(Model):
    """Drop what does not parse (Seed-Coder, arXiv:2506.03524): prose, patches, cut-off files."""

    # Left out: before its macros are expanded C is not C, HTML forgives all, Shell is zsh as well.
    languages: Annotated[list[Grammar], Field(max_length=32)] = Field(
        default=[
            "C#", "CSS", "Go", "Haskell", "JSON", "Java", "JavaScript", "Julia", "OCaml", "PHP",
            "Python", "Ruby", "Rust", "Scala", "TSX", "TypeScript",
        ]
    )  # fmt: skip
    """Languages whose files must parse, as linguist spells them; none turns the rule off."""
    max_error_share: Annotated[float, Field(ge=0, le=1)] = 0.005
    """Largest share of a file's bytes that may stand outside every construct of the language."""


class Lint(Model):
    """Drop Python files that no interpreter accepts, by ruff."""

    rules: Annotated[list[Literal["E9", "F63", "F7", "F82"]], Field(max_length=4)] = Field(
        default=["E9", "F63", "F7"]
    )
    """Rules that no file may break: E9 syntax, F63 comparisons that always hold, F7 misplaced
    statements, F82 undefined names; none turns the rule off."""


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
    """What is replaced, most of it by a placeholder that the tokenizer keeps as one token."""

    secrets: bool = True
    """Replace keys and tokens by <KEY>."""
    passwords: bool = True
    """Replace passwords by <PASSWORD>."""
    emails: bool = True
    """Replace e-mail addresses by <EMAIL>."""
    addresses: bool = True
    """Replace public IPv4 and IPv6 addresses by fixed private ones; resolvers and versions stay."""
    names: bool = True
    """Replace people named in file headers by <NAME>; firms and single words stay."""
    audit_sample: Annotated[int, Field(ge=0, le=1_000_000)] = 3_000
    """Redacted files that a second detector reads; none found in 3,000 means at most 0.1 %."""


class Insecure(Model):
    """What happens to files with insecure patterns, by severity.

    Only what is an error wherever it stands is dropped: about one file in a hundred. What depends
    on where values come from is tagged, so that a mixture may weigh it.
    """

    high: Literal["drop", "tag", "keep"] = "drop"
    """Injection, code or objects made from input, broken ciphers, certificates not verified."""
    medium: Literal["drop", "tag", "keep"] = "tag"
    """Patterns whose harm depends on where values come from, and hard-coded secrets."""
    low: Literal["drop", "tag", "keep"] = "keep"
    """Habits that are better left, such as MD5 for a checksum."""


class Security(Model):
    """Which files would teach a model to do harm."""

    malware: Literal["drop", "keep"] = "drop"
    """What happens to files that a rule for malware finds."""
    insecure: Insecure = Field(default=Insecure())
    """What happens to files with insecure patterns."""


class Contamination(Model):
    """A benchmark whose problems must not be in the corpus; give benchmark or key, not both."""

    benchmark: Literal["humaneval"] | None = None
    """A benchmark that ships inside the image."""
    key: ObjectKey | None = None
    """Object key of a problems file: JSON Lines with task_id, prompt and, where known, solution."""
    ngram: Annotated[int, Field(ge=0, le=64)] = 10
    """Words of an n-gram that may not occur; 0 compares whole prompts and solutions only."""


class Ordering(Model):
    """How files follow one another: what a file imports comes before it (arXiv:2401.14196)."""

    mode: Literal["repository", "file"] = "repository"
    """Keep the files of a repository together, or let every file stand alone."""
    by: Literal["imports", "path", "random"] = "imports"
    """Order inside a repository: by its import graph, by path, or drawn from the seed."""
    max_bytes: Annotated[Count, Field(ge=1)] = 64_000_000
    """Largest repository that is ordered as one; a larger one is cut in the order of folders."""

    @property
    def drawn(self) -> bool:
        """Whether the seed decides which file comes next."""
        return self.mode == "file" or self.by == "random"


class Weights(Model):
    """Shares of the roles, of any sum; those that no source has are left out of it."""

    code: Annotated[int, Field(ge=0, le=1000)] = 60
    """Weight of sources of role code."""
    math: Annotated[int, Field(ge=0, le=1000)] = 10
    """Weight of sources of role math."""
    text: Annotated[int, Field(ge=0, le=1000)] = 30
    """Weight of sources of role text."""


class Mixture(Model):
    """How much of the corpus each role makes, by texts before redaction: code is taken once, the
    others fit to it."""

    enabled: bool = True
    """Fit the roles to their weights; else every file is taken once."""
    weights: Weights = Field(default=Weights())
    """Shares of the roles."""
    unit: Literal["bytes", "tokens"] = "bytes"
    """What a share is of: bytes, or tokens as a tokenizer for code would cut them, counted before
    there is one (within a fifth)."""
    max_epochs: Annotated[float, Field(ge=1, le=100)] = 4.0
    """Most times that a file may be repeated to reach a weight, on average."""


class Sample(Model):
    """A share of the input, from which size and cost of the whole are estimated."""

    fraction: Annotated[float, Field(gt=0, le=1)]
    """Share of the repositories (of tables: of their parts) that is drawn by seed and name."""


Pattern = Annotated[str, Field(min_length=1, max_length=512)]


class OptOut(Model):
    """What its owners want left out; it is applied before anything else, whatever the case."""

    repositories: Annotated[list[Pattern], Field(max_length=1024)] = Field(default=[])
    """Repositories by name, or by a pattern as in .gitignore; a URL and .git are cut off."""
    paths: Annotated[list[Pattern], Field(max_length=1024)] = Field(default=[])
    """Paths in every repository, by a pattern as in .gitignore."""
    key: ObjectKey | None = None
    """Object key of a list with an entry a line: a repository, or repository:path."""


class RayTokenRef(Model):
    """A Secret of the same namespace with the key auth_token, as KubeRay makes one."""

    name: Name
    """Name of the Secret."""


class Ray(Model):
    """A Ray cluster that is there already; its nodes run the data image, with the job's Secret."""

    address: Annotated[str, Field(max_length=512, pattern=r"^[A-Za-z0-9._-]+:[0-9]{1,5}$")]
    """Host and port of the cluster's head (GCS), such as ray-head.team.svc:6379."""
    token_ref: RayTokenRef
    """Secret with the cluster's token: it must run with RAY_AUTH_MODE=token."""


class DataCorpusSpec(JobSpec):
    """Turns source code into training shards."""

    sources: Annotated[list[Source], Field(min_length=1, max_length=64)]
    """Where repositories come from."""
    opt_out: OptOut = Field(default=OptOut())
    """What its owners want left out."""
    languages: Languages = Field(default=Languages())
    """Which languages may enter."""
    licences: Licences = Field(default=Licences())
    """Which licences may enter."""
    quality: Quality = Field(default=Quality())
    """Which files are too large, generated, minified or not code."""
    parse: Parse = Field(default=Parse())
    """Which files do not parse."""
    lint: Lint = Field(default=Lint())
    """Which Python files no interpreter accepts."""
    dedup: Dedup = Field(default=Dedup())
    """Which copies are removed."""
    redaction: Redaction = Field(default=Redaction())
    """What is replaced by a placeholder."""
    security: Security = Field(default=Security())
    """Which harmful files are dropped or tagged."""
    decontamination: Annotated[list[Contamination], Field(max_length=16)] = Field(default=[])
    """Benchmarks that are kept out of the corpus."""
    mixture: Mixture = Field(default=Mixture())
    """How much of the corpus each role makes."""
    order: Ordering = Field(default=Ordering())
    """How files follow one another."""
    sample: Sample | None = None
    """Make a corpus of a share of the input, and estimate what all of it would give and cost."""
    keep_parts: Annotated[bool, PLACEMENT] = False
    """Keep what the stages made of each part of the input, about a quarter of the text's bytes:
    a later spec (opt-out, threshold, cap, mixture, benchmark) makes again only what it changes."""
    workers: Annotated[Workers, PLACEMENT] = Field(default=Workers())
    """Pods of the job; several form a Ray cluster."""
    ray: Annotated[Ray | None, PLACEMENT] = None
    """Ray cluster on which the passes run, instead of in the job's own pod."""
