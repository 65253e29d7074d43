"""The same work done by lamella and other libraries in turn; `__main__` describes it."""
