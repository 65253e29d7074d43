"""LamellaClassifier: classes of samples by a multilayer perceptron."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets

from lamella.backend import Backend
from lamella.core.errors import ArgumentError, DataError
from lamella.losses import Loss, SigmoidCrossEntropy
from lamella.optimizers import Optimizer
from lamella.sklearn.estimator import MLPEstimator, checked_weight
from lamella.training.callbacks import Callback, EarlyStopping


class LamellaClassifier(ClassifierMixin, MLPEstimator):
    """Multilayer perceptron as a classifier of scikit-learn.

    With ``random_state=0`` it gives the bits of ``lm.MLP(seed=0)`` trained on the same arrays.

    Parameters
    ----------
    hidden, dropout, batch_norm, l2, loss, backend, dtype
        As in `lamella.MLP`. Features are used as they are, also uint8: put a ``StandardScaler``
        before it.
    optimizer : Optimizer or str, optional
        Adam(1e-3) by default.
    epochs, batch_size, callbacks, verbose, check
        As in `lamella.Sequential.fit`. ``fit`` works on copies of callbacks, loss and optimizer.
    class_weight : dict of label to weight, or "balanced", optional
        Multiplies the weights of the samples of each class, as in scikit-learn.
    early_stopping : bool or EarlyStopping
        Whether to end training when the loss of held-out samples has not improved for 10 epochs,
        and to restore the weights of the best epoch; or how, as in ``EarlyStopping(patience=3)``.
    validation_split : float, optional
        Fraction to hold out and to score after each epoch, in [0, 1), stratified by class; by
        default 0.1 with early stopping, else 0.
    random_state : int, RandomState or None
        Of initial weights, data order, dropout and held-out samples.

    Attributes
    ----------
    classes_ : ndarray
        Labels, in the order of the columns of `predict_proba`.
    model_ : MLP
        The trained model, to save or to train further.
    history_ : History
        Of the last training.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If ``X`` was a table with names.

    Examples
    --------
    ``cross_val_score(make_pipeline(StandardScaler(), LamellaClassifier()), X, y)``
    """

    classes_: np.ndarray

    def __init__(
        self,
        hidden: Sequence[int] = (100,),
        *,
        dropout: float | Sequence[float] = 0.0,
        batch_norm: bool = False,
        l2: float = 0.0,
        loss: str | Loss | None = None,
        optimizer: str | Optimizer | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        class_weight: Any = None,
        early_stopping: bool | EarlyStopping = False,
        validation_split: float | None = None,
        callbacks: Sequence[Callback] = (),
        dtype: str = "float32",
        backend: str | Backend = "auto",
        random_state: Any = None,
        verbose: int = 0,
        check: bool = True,
    ) -> None:
        super().__init__(
            hidden,
            dropout=dropout,
            batch_norm=batch_norm,
            l2=l2,
            loss=loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            early_stopping=early_stopping,
            validation_split=validation_split,
            callbacks=callbacks,
            dtype=dtype,
            backend=backend,
            random_state=random_state,
            verbose=verbose,
            check=check,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a new model; ``sample_weight`` (N,) are at least 0."""
        X, y = self._checked(X, y, reset=True)
        check_classification_targets(y)
        classes, weight = _several("y", y), self._weights(X, y, sample_weight)
        self._begin(classes=len(classes))
        self.classes_ = classes  # with its model: an invalid call leaves both as they are
        return self._train(X, np.searchsorted(self.classes_, y), weight)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch on a part of the data; the first call needs all ``classes``."""
        if self.class_weight == "balanced":
            raise ArgumentError(
                'class_weight="balanced" needs all data at once: give partial_fit the weights, '
                "as compute_class_weight of scikit-learn returns them"
            )
        self._expect_no_stopping()
        is_first = not hasattr(self, "model_")
        X, y = self._checked(X, y, reset=is_first)
        check_classification_targets(y)
        if is_first:
            self.__dict__.pop("classes_", None)  # of a call that failed
            classes = None if classes is None else _several("classes", classes)
        _check_partial_fit_first_call(self, classes)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(f"y has labels that classes does not have: {unknown[:5].tolist()}")
        weight = self._weights(X, y, sample_weight)
        if is_first:
            self._begin(classes=len(self.classes_))
        return self._train_further(X, np.searchsorted(self.classes_, y), weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each sample (N,)."""
        index = self._outputs(X, "predict_classes")
        return np.asarray(self.classes_[index])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class (N, K), in the order of ``classes_``."""
        found = self._outputs(X, "predict_proba")
        if isinstance(self.model_.loss, SigmoidCrossEntropy):  # each class against all others
            found /= found.sum(axis=1, keepdims=True)
        return found

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def _weights(self, X: np.ndarray, y: np.ndarray, given: Any) -> np.ndarray | None:
        """Return the product of sample weights and class weights, or None without either."""
        weight = checked_weight(given, X)
        if self.class_weight is None:
            return weight
        by_class: np.ndarray = compute_sample_weight(self.class_weight, y)
        return by_class if weight is None else weight * by_class


def _several(name: str, labels: Any) -> np.ndarray:
    """Return the classes among labels; raise a DataError if there is one only."""
    found = np.unique(labels)
    if len(found) < 2:
        raise DataError(f"{name} has one class only, {found.tolist()}: there is nothing to tell")
    return found
