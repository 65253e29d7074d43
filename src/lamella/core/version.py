"""The version of lamella, stated once."""

__version__ = "0.1.0"
