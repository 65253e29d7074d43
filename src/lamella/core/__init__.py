"""Errors, validation, configuration, disk, seeds, version: the foundation of all other packages.

Read errors and validation first, then config, which saves and restores hyper-parameters; disk,
seeds, typing and version are independent of each other.
"""
