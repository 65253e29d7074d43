"""Layers in a row: compute, train a step, replay it, write it to a file."""
