"""Measurements of lamella, alone and beside its peers."""
