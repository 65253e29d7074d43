"""LamellaRegressor: numbers of samples by a multilayer perceptron."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from lamella.sklearn.estimator import MLPEstimator, checked_weight


class LamellaRegressor(RegressorMixin, MLPEstimator):
    """Multilayer perceptron as a regressor of scikit-learn, for one number a sample or several.

    With ``random_state=0`` it gives the bits of ``lm.MLP(outputs=1, seed=0)`` trained on the same
    arrays.

    Parameters
    ----------
    loss : {"L2", "L1"} or Loss, optional
        "L2", the mean squared error, by default. Targets are used as they are: standardize large
        ones with a ``TransformedTargetRegressor(..., transformer=StandardScaler())``.
    hidden, dropout, batch_norm, l2, optimizer, epochs, batch_size, callbacks, verbose, check
        As in `LamellaClassifier`.
    early_stopping, validation_split, dtype, backend, random_state
        As in `LamellaClassifier`; held-out samples are not stratified.

    Attributes
    ----------
    model_ : MLP
        The trained model, to save or to train further.
    history_ : History
        Of the last training.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If ``X`` was a table with names.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new model on targets (N,) or (N, K); ``sample_weight`` (N,) are at least 0."""
        X, y = self._numbers(X, y, reset=True)
        weight = checked_weight(sample_weight, X)
        self._begin(outputs=1 if y.ndim == 1 else y.shape[1])
        self._flat = y.ndim == 1
        return self._train(X, y, weight)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on a part of the data."""
        self._expect_no_stopping()
        is_first = not hasattr(self, "model_")
        X, y = self._numbers(X, y, reset=is_first)
        weight = checked_weight(sample_weight, X)
        if is_first:
            self._begin(outputs=1 if y.ndim == 1 else y.shape[1])
            self._flat = y.ndim == 1
        return self._train_further(X, y, weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the numbers of each sample, of the shape of the targets: (N,) or (N, K)."""
        found = self._outputs(X, "predict").astype(np.float64)
        return found[:, 0] if self._flat else found

    def _numbers(self, X: Any, y: Any, *, reset: bool) -> Any:
        X, y = self._checked(X, y, reset=reset, multi_output=True, y_numeric=True)
        return X, np.asarray(y, np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _more_tags(self) -> dict[str, Any]:  # before scikit-learn 1.6
        return {"multioutput": True}
