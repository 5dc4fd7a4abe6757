"""Oremill's control plane: the contract (`specs`), what should exist (`plans`), the operator."""
