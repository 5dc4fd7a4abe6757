"""TokenizerJob: a byte-level BPE vocabulary made for a corpus."""
