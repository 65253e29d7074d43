"""Accuracy on photographs of digits that are made from MNIST."""
