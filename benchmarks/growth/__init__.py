"""Growth of the training cost; `__main__` describes the measurement."""
