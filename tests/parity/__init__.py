"""The same numbers as PyTorch, where it is installed."""
