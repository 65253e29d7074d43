"""Base of the estimators: their parameters, and training and prediction of a multilayer perceptron.

scikit-learn's rules hold: ``__init__`` only stores its arguments, ``fit`` checks them, works on
copies of the objects among them, and names what it finds with a final underscore.
"""

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from lamella import optimizers
from lamella.backend import Backend
from lamella.core.errors import ArgumentError, DataError
from lamella.core.names import expect_known
from lamella.core.signatures import KnownNames, arguments_of
from lamella.core.validation import instance, named_instance, one_of
from lamella.losses import Loss
from lamella.models.classifiers import MLP
from lamella.optimizers import Adam, Optimizer
from lamella.training.callbacks import Callback, EarlyStopping, History

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6

    def validate_data(estimator: Any, *args: Any, **options: Any) -> Any:
        """Check data and set or compare the number and the names of the features."""
        return estimator._validate_data(*args, **options)


ROWS = 32  # of a batch of predictions: a matrix product of one shape has one order of its sums


class MLPEstimator(KnownNames, BaseEstimator):
    """Estimator that trains an `lm.MLP`; subclasses check targets and name predictions."""

    model_: MLP
    history_: History

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
        early_stopping: bool | EarlyStopping = False,
        validation_split: float | None = None,
        callbacks: Sequence[Callback] = (),
        dtype: str = "float32",
        backend: str | Backend = "auto",
        random_state: Any = None,
        verbose: int = 0,
        check: bool = True,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.l2 = l2
        self.loss = loss
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_split = validation_split
        self.callbacks = callbacks
        self.dtype = dtype
        self.backend = backend
        self.random_state = random_state
        self.verbose = verbose
        self.check = check

    def set_params(self, **params: Any) -> Self:
        """Set parameters; ``optimizer__lr`` sets an argument of the optimizer, on a new one."""
        known = self.get_params(deep=False)
        for name, value in sorted(params.items(), key=lambda item: "__" in item[0]):
            whole, nested, argument = name.partition("__")
            expect_known(f"{type(self).__name__}'s argument", whole, known)
            if nested and whole != "optimizer":
                raise ArgumentError(f"{name} is not known: give {whole} as a whole")
            if nested:
                value = _with_argument(self._optimizer(), argument, value)
            setattr(self, whole, value)
        return self

    def _optimizer(self) -> Optimizer:
        """Return the optimizer to copy, by default Adam(1e-3)."""
        given = Adam(1e-3) if self.optimizer is None else self.optimizer
        return named_instance("optimizer", given, Optimizer, "Adam(1e-3)", optimizers)

    def _checked(self, X: Any, y: Any = "no_validation", *, reset: bool, **options: Any) -> Any:
        """Return numbers of the estimator's dtype; ``reset`` takes their features as given."""
        options |= {"reset": reset, "dtype": one_of("dtype", self.dtype, ("float32", "float64"))}
        return validate_data(self, X, **({} if isinstance(y, str) else {"y": y}), **options)

    def _begin(self, **outputs: int) -> None:
        """Create the model, with ``classes=`` or ``outputs=``."""
        seed = self.random_state
        if not isinstance(seed, int | np.integer):  # a generator, or None: numpy's own
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        self.model_ = MLP(
            self.hidden,
            **outputs,
            dropout=self.dropout,
            batch_norm=self.batch_norm,
            l2=self.l2,
            loss=copy.deepcopy(self.loss),
            optimizer=copy.deepcopy(self._optimizer()),
            seed=int(seed),
            backend=self.backend,
            dtype=self.dtype,
        )

    def _train(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> Self:
        """Train as many epochs as ``epochs`` says."""
        given: Any = self.early_stopping
        stopping = EarlyStopping(patience=10) if given else None
        if not isinstance(given, bool | np.bool_):
            hint = "EarlyStopping(patience=3), or True"
            stopping = instance("early_stopping", given, EarlyStopping, hint)
        fraction = self.validation_split
        if fraction is None:
            fraction = 0.1 if stopping else 0.0
        options = {"epochs": self.epochs, "validation_split": fraction, "check": self.check}
        return self._fit(X, y, weight, [stopping] if stopping else [], **options)

    def _train_further(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> Self:
        """Train one epoch on a part of the data."""
        return self._fit(X, y, weight, [], epochs=1, check=False)

    def _fit(self, X: Any, y: Any, weight: Any, more: Sequence[Any], **options: Any) -> Self:
        given = instance("callbacks", self.callbacks, Sequence, "[TerminateOnNaN()]")
        self.history_ = self.model_.fit(
            X,
            y,
            batch_size=self.batch_size,
            sample_weight=weight,
            callbacks=copy.deepcopy([*given, *more]),
            verbose=self.verbose,
            **options,
        )
        return self

    def _expect_no_stopping(self) -> None:
        """Raise an ArgumentError if `partial_fit` would have to hold samples out."""
        if self.early_stopping or self.validation_split:
            raise ArgumentError(
                "partial_fit trains on all samples that it is given: omit early_stopping and "
                "validation_split, or use fit"
            )

    def _outputs(self, X: Any, work: str) -> np.ndarray:
        """Return the result of the model's method ``work`` on inputs, in batches of one size.

        The sums of a sample's matrix products then have the same order, whatever samples are
        with it, and its result the same bits.
        """
        check_is_fitted(self, "model_")
        X = self._checked(X, reset=False)
        full = np.pad(X, ((0, -len(X) % ROWS), (0, 0)))
        found: np.ndarray = getattr(self.model_, work)(full, batch_size=ROWS)
        return found[: len(X)]


def _with_argument(optimizer: Optimizer, name: str, value: Any) -> Optimizer:
    """Return a new optimizer with another value of one argument."""
    kind = type(optimizer)
    expect_known(f"{kind.__name__}'s argument", name, arguments_of(kind))
    return kind(**{**optimizer.config(), name: value})


def checked_weight(weight: Any, X: np.ndarray) -> np.ndarray | None:
    """Return the weights of samples as numbers that are at least 0; None stays None."""
    if weight is None:
        return None
    found: np.ndarray = _check_sample_weight(weight, X, dtype=np.float64)
    if found.min() < 0:
        raise DataError(f"sample_weight must be at least 0, got {found.min():g}")
    return found
