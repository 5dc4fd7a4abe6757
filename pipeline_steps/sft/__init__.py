"""SFTJob: a model that follows instructions, fine-tuned on conversations with TRL."""
