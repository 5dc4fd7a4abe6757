"""Where repositories come from: a module a kind of source, and `door`, which the passes call."""
