"""Measurements of lamella, alone and compared with other libraries."""
