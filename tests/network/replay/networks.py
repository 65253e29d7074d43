"""Networks, and what training makes of them with replays and without any."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import numba as compiled
from lamella.losses import Loss
from lamella.network import replay

# Whoever imports this is skipped where nothing is replayed.
if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

PATIENCE = 600  # seconds after which it is taken for a deadlock
DTYPES = ["float32", "float64"]
FEATURES, CLASSES = 6, 3
SAMPLES = 40
X = np.random.default_rng(0).standard_normal((SAMPLES, FEATURES)).astype("f4")
IMAGES = np.random.default_rng(1).integers(0, 256, (SAMPLES, 2, 3), dtype=np.uint8)
Y = np.random.default_rng(2).integers(0, CLASSES, SAMPLES)
WEIGHTS = np.random.default_rng(4).random(SAMPLES) + 0.1
EPOCHS, BATCH = 3, 9  # of which 4 are whole in an epoch, and a rest of 4 samples is left
Change = Callable[[lm.Sequential], Any]


@contextmanager
def never_known() -> Iterator[None]:
    """Have every step done anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "is_", lambda some, others: False)
        yield


def in_both_ways(train: Callable[[], Any]) -> tuple[Any, Any]:
    """Return what comes of it with replays, and without any."""
    with_replays = train()
    with never_known():
        return with_replays, train()


def all_of(model: lm.Sequential) -> dict[str, Any]:
    """Return all that training has made of a model."""
    assert model.store is not None
    found: dict[str, Any] = {f"weights {k}": v for k, v in model.state_dict().items()}
    found |= {f"slots {k}": v for k, v in model.optimizer.state_dict().items()}
    found |= {f"gradient {p.name}": np.array(p.grad) for p in model.store}
    found["draws"] = np.array([layer.rng.draws for layer in model.layers])
    if hasattr(model, "history"):
        found["steps"] = np.array(model.history.steps)
        for name in model.history.rows[0]:
            if name != "seconds":
                found[f"epochs {name}"] = np.array([row[name] for row in model.history.rows])
    return found


def assert_same(some: dict[str, Any], others: dict[str, Any]) -> None:
    assert some.keys() == others.keys()
    for name, array in some.items():
        assert np.isfinite(array).all(), name
        np.testing.assert_array_equal(array, others[name], name)


def compiled_model(
    layers: list[lm.Layer],
    loss: Loss | None = None,
    optimizer: Any = None,
    in_shape: tuple[int, ...] = (FEATURES,),
    **options: Any,
) -> lm.Sequential:
    model = lm.Sequential(layers, **{"seed": 3, "backend": "numpy", **options})
    loss = lm.SoftmaxCrossEntropy() if loss is None else loss
    return model.compile(loss, optimizer or lm.Adam(0.01), ["accuracy"], in_shape=in_shape)


def trained(model: lm.Sequential, x: np.ndarray = X, y: np.ndarray = Y, **options: Any) -> Any:
    """Return all that a training gives, and how many steps and passes there were."""
    given = {"epochs": EPOCHS, "batch_size": BATCH, "verbose": False, "check": False, **options}
    model.fit(x, y, **given)
    return all_of(model), (len(model.history.steps), model.passes)


def everything(batch_norm: bool = True) -> list[lm.Layer]:
    """Return a network of all that can be replayed."""
    norm: list[lm.Layer] = [lm.BatchNorm()] if batch_norm else []
    return [
        lm.Flatten(),
        lm.Dense(12, regularizer=lm.L1(1e-3)),
        *norm,
        lm.LeakyReLU(0.1),
        lm.Dropout(0.2),
        lm.Dense(10, use_bias=False, regularizer=lm.L2(1e-2)),
        lm.Tanh(),
        lm.Dropout(0.3),
        lm.Dense(8, regularizer=lm.L1L2(1e-3, 1e-3)),
        lm.Sigmoid(),
        lm.Dense(8),
        lm.ReLU(),
        lm.Dense(CLASSES),
    ]


def small(**options: Any) -> lm.Sequential:
    layers = [lm.Dense(8), lm.BatchNorm(), lm.LeakyReLU(0.1), lm.Dropout(0.3), lm.Dense(CLASSES)]
    return compiled_model(layers, **options)


def train_with(change: Change, at: int, make: Callable[[], lm.Sequential], steps: int = 8) -> Any:
    """Return the losses of some steps, and what they lead to, with a change before one of them."""
    model, losses = make(), []
    for step in range(steps):
        if step == at:
            change(model)
        losses.append(float(model.train_step(X, Y)))
    return {**all_of(model), "losses": np.array(losses)}, model.passes
