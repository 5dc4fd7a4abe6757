"""RLEFJob's step: a model that learns from the verdicts on its own programs."""
