"""PretrainJob: a Llama-style code model, trained from scratch with DeepSpeed."""
