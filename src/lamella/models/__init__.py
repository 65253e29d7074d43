"""Ready models, and Sequential to make your own."""
