"""What to run on your own layers, losses and optimizers before you trust them."""
