"""Running of studies: workers train the runs, and a folder stores them."""
