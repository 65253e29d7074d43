"""Training: fit and its loop, callbacks, checkpoints and diagnostics."""
