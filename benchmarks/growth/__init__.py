"""How the cost of training grows: `__main__` says how it is measured."""
