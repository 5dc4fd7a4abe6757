"""EvalJob: ask models, run their answers in sandboxes, judge, count."""
