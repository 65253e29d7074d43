"""Studies: what one choice changes, all else being equal, over several seeds."""
