"""Oremill's control plane: the contract (`specs`), what should exist (`plans`), the operator."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("oremill")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.0.0+source"
