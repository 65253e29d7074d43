"""Arrays on a GPU, with cupy."""
