"""A real Kubernetes on a machine that has none, from package registries alone."""
