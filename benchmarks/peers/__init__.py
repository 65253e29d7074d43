"""The same work done by lamella and its peers, in turn: `__main__` says how."""
