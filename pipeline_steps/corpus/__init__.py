"""DataCorpus: archives of source code in, clean Parquet shards out; a small pure module a stage."""
