"""Tests of the data sets and of what brings own data in."""
