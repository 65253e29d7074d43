"""Error rates, coverage and power of lamella's comparisons, by simulation."""
