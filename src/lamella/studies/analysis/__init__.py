"""Analysis of runs: measures, statistics over seeds, comparisons and tables."""
