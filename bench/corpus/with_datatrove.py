"""The same work with datatrove's own blocks, in its environment.

    python -m bench.corpus.with_datatrove near|pipeline TABLES WORK BANDS ROWS WORDS

`near` is its examples/minhash_deduplication.py on local folders: four executors, two workers, a
task a table. `pipeline` puts around it what datatrove has for the stages of a DataCorpus, in its
own order (examples/fineweb.py). WORDS is `spacy`, its default for English, or `split`, which is no
option of it: after its normalisation words are parted by spaces, and spaCy is most of its time.
"""

import json
import sys
from pathlib import Path

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.pipeline.dedup import (
    ExactDedupConfig,
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.formatters import PIIFormatter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import ngrams, simplify_text

WORKERS = 2
NGRAM = 10  # words that may not be shared with a benchmark, as in the DataCorpus


class Split:
    """Words parted by white space."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()


def content(document: Document) -> str:
    """What is hashed for exact copies."""
    return document.text


def looks_like_code(document: Document) -> bool:
    """StarCoder's three rules (arXiv:2305.06161), for which datatrove has no block."""
    lines = document.text.splitlines() or [""]
    letters = sum(letter.isalnum() for letter in document.text)
    return (
        max(map(len, lines)) <= 1000
        and len(document.text) <= 100 * len(lines)
        and letters >= 0.25 * len(document.text)
    )


class Work:
    """Folders, and how many tasks there are."""

    def __init__(self, tables: str, work: str, config: MinhashConfig, words: str) -> None:
        self.tables, self.work, self.config, self.words = tables, Path(work), config, words
        self.tasks = len(list(Path(tables).glob("*.parquet")))

    def folder(self, name: str) -> str:
        """Return a folder of the work."""
        return str(self.work / name)

    def read(self, folder: str) -> ParquetReader:
        """Return what reads tables."""
        return ParquetReader(folder, text_key="text", id_key="id", glob_pattern="*.parquet")

    def run(self, name: str, tasks: int, *blocks: PipelineStep) -> None:
        """Run blocks to their end."""
        LocalPipelineExecutor(
            pipeline=list(blocks),
            tasks=tasks,
            workers=min(WORKERS, tasks),
            logging_dir=self.folder(f"logs/{name}"),
        ).run()


def near(work: Work, tables: str, *after: PipelineStep) -> None:
    """Run the four stages on tables."""
    signature = MinhashDedupSignature(work.folder("signatures"), work.config)
    if work.words == "split":
        signature.word_tokenizer = Split()
    work.run("signatures", work.tasks, work.read(tables), signature)
    buckets = MinhashDedupBuckets(
        work.folder("signatures"), work.folder("buckets"), config=work.config
    )
    work.run("buckets", work.config.num_buckets, buckets)
    cluster = MinhashDedupCluster(work.folder("buckets"), work.folder("remove"), config=work.config)
    work.run("cluster", 1, cluster)
    left = MinhashDedupFilter(work.folder("remove"))
    work.run(
        "filter", work.tasks, work.read(tables), left, *after, ParquetWriter(work.folder("out"))
    )


def pipeline(work: Work) -> None:
    """Exact copies, rules for code, contamination; near-duplicates; personal data."""
    exact = ExactDedupConfig(content_getter=content)
    sigs, found = work.folder("exact"), work.folder("copies")
    work.run("exact", work.tasks, work.read(work.tables), ExactDedupSignature(sigs, exact))
    work.run("find", 1, ExactFindDedups(sigs, found, exact))
    decontaminate = NGramsDecontFilter(index(work), NGramsDecontConfig(n_grams=NGRAM))
    blocks = (ExactDedupFilter(found, exact), LambdaFilter(looks_like_code), decontaminate)
    kept = work.folder("kept")
    work.run("kept", work.tasks, work.read(work.tables), *blocks, ParquetWriter(kept))
    near(work, kept, PIIFormatter())


def index(work: Work) -> str:
    """Write what NGramsDecontIndexer would, which asks for lighteval and its data sets."""
    folder = work.work / "index"
    folder.mkdir(parents=True)
    own = NGramsDecontFilter(str(folder), NGramsDecontConfig(n_grams=NGRAM))
    hashes = {
        own.hash_func(" ".join(gram))
        for text in json.loads((work.work / "benchmark.json").read_text())
        for gram in ngrams(own.tokenizer.word_tokenize(simplify_text(text)), NGRAM)
    }
    import numpy as np

    np.array(sorted(hashes), dtype=np.uint64).tofile(folder / "humaneval.index.hashes")
    return str(folder)


def main() -> None:
    """Do what the arguments say."""
    what, tables, folder, bands, rows, words = sys.argv[1:]
    config = MinhashConfig(
        hash_config=HashConfig(precision=64), num_buckets=int(bands), hashes_per_bucket=int(rows)
    )
    work = Work(tables, folder, config, words)
    if what == "near":
        near(work, tables)
    else:
        pipeline(work)


if __name__ == "__main__":
    main()
