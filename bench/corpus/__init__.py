"""The corpus against other tools: python -m bench.corpus.

The same files go through our passes and through datatrove and text-dedup, each in a process of its
own on the same cores, one after the other. docs/benchmarks.md says what each side runs.
"""
