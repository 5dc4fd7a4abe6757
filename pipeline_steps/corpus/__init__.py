"""DataCorpus: source code in, clean Parquet shards out; a small pure module a stage."""

import os

# Set before anything imports Daft, which otherwise reports its import and its runs to its makers.
os.environ["DAFT_ANALYTICS_ENABLED"] = "0"
os.environ.setdefault("DAFT_PROGRESS_BAR", "0")  # a log is no terminal
