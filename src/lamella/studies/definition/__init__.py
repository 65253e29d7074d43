"""Definition of studies: experiments, arms and seeds, in Python or TOML."""
