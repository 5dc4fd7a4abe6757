"""Generate the CRDs, the chart's copy of them and the reference pages.

`python -m oremill.crdgen` writes them; `--check` writes nothing and fails when a file would change.
"""
