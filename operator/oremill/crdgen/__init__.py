"""Generate the CRDs, the chart's copy of them and the reference page from `oremill.specs`.

`python -m oremill.crdgen` writes them; `--check` writes nothing and fails when a file would change.
"""
