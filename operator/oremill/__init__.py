"""Oremill's control plane: the contract (`specs`), what should exist (`plans`), and the operator."""
