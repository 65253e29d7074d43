"""Models: Sequential, MLP and SoftmaxClassifier, and the function that loads them.

Read sequential first, then classifiers, which configures it, and loading.
"""

from lamella.core.names import public_names
from lamella.models.classifiers import MLP, SoftmaxClassifier
from lamella.models.loading import load
from lamella.models.sequential import Sequential

__all__ = ["MLP", "Sequential", "SoftmaxClassifier", "load"]

__getattr__, __dir__ = public_names(__name__, __all__)
