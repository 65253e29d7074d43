"""lamella on a GPU against PyTorch and JAX there, and the checks that need a GPU."""
