"""Diagnostics: checks before training, and a doctor for networks that do not learn."""
