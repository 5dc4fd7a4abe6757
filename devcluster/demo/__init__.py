"""`make demo`: from nothing to an evaluated model, told as it happens."""
