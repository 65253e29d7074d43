"""The version of lamella."""

__version__ = "0.1.0"
