"""Estimators of scikit-learn: LamellaClassifier and LamellaRegressor (extra ``sklearn``)."""

from lamella.core.errors import MissingExtraError

try:
    import sklearn  # noqa: F401
except ImportError:
    raise MissingExtraError("scikit-learn", "sklearn", "lamella.sklearn") from None

from lamella.sklearn.classifier import LamellaClassifier
from lamella.sklearn.regressor import LamellaRegressor

__all__ = ["LamellaClassifier", "LamellaRegressor"]
