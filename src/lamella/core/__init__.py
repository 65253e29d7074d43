"""Errors, validation, configuration, files, seeds: everything else stands on these."""
