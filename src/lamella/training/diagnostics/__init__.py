"""Is this going to train: checks before the first step, and a doctor for what does not learn."""
