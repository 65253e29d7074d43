"""Fifty steps of training against torch, for every part of a model and for all at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.layers import regularizers
from tests.parity.twins import (
    LOSSES,
    aligned,
    expect_equal,
    pairs,
    penalty,
    twin_of,
    twin_optimizer,
)

torch = pytest.importorskip("torch", reason="PyTorch is the peer that lamella is compared with")

STEPS = 50
SAMPLES = 44  # in batches of 16: 16, 16 and a short one of 12
BATCH = 16


def labels(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return (x.reshape(len(x), -1) @ rng.normal(size=(x[0].size, 4))).argmax(axis=1)


def numbers(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return np.tanh(x.reshape(len(x), -1) @ rng.normal(size=(x[0].size, 4)))


def answers(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return (numbers(rng, x) > 0).astype(float)


def counts(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return rng.poisson(np.exp(numbers(rng, x))).astype(float)


def mlp(*middle: lm.Layer, last: tuple[lm.Layer, ...] = ()) -> list[lm.Layer]:
    return [lm.Dense(12, init="glorot_normal"), *middle, lm.Dense(4), *last]


@dataclass(frozen=True)
class Case:
    """A training: by default of a small tanh network on labels, with momentum."""

    layers: Callable[[], list[lm.Layer]] = lambda: mlp(lm.Tanh())
    loss: Callable[[], lm.Loss] = lm.SoftmaxCrossEntropy
    optimizer: Callable[[], lm.Optimizer] = lambda: lm.Momentum(0.05)
    target: Callable[[np.random.Generator, np.ndarray], np.ndarray] = labels
    in_shape: tuple[int, ...] = (6,)
    short_batch: bool = False


LAYER_CASES = {
    # A bias before BatchNorm has gradient 0 but for rounding: there is nothing in it to compare.
    "BatchNorm": Case(
        lambda: [lm.Dense(12, use_bias=False), lm.BatchNorm(), lm.ReLU(), lm.Dense(4)]
    ),
    "Dense": Case(lambda: [lm.Dense(4)]),
    "Dense, deep": Case(lambda: [lm.Dense(9), lm.Dense(7, use_bias=False), lm.Dense(4)]),
    "Dropout": Case(lambda: mlp(lm.ReLU(), lm.Dropout(0.3))),
    "ELU": Case(lambda: mlp(lm.ELU(0.5))),
    "Flatten": Case(lambda: [lm.Flatten(), *mlp(lm.Tanh())], in_shape=(3, 2)),
    "GELU": Case(lambda: mlp(lm.GELU())),
    # Nor has a bias before LayerNorm the same gradient for all features: that cancels.
    "LayerNorm": Case(lambda: mlp(lm.LayerNorm(), lm.ReLU())),
    "LeakyReLU": Case(lambda: mlp(lm.LeakyReLU(0.1))),
    "ReLU": Case(lambda: mlp(lm.ReLU())),
    "SiLU": Case(lambda: mlp(lm.SiLU())),
    "Sigmoid": Case(lambda: mlp(lm.Sigmoid())),
    "Softmax": Case(
        lambda: mlp(lm.Tanh(), last=(lm.Softmax(),)), loss=lm.MeanSquaredError, target=answers
    ),
    "Softplus": Case(lambda: mlp(lm.Softplus())),
    "Tanh": Case(),
}
LOSS_CASES = {
    "BinaryCrossEntropy": Case(
        lambda: mlp(lm.Tanh(), last=(lm.Sigmoid(),)), loss=lm.BinaryCrossEntropy, target=answers
    ),
    "Hinge": Case(loss=lm.Hinge),
    "Huber": Case(loss=lm.Huber, target=numbers),
    "MeanAbsoluteError": Case(loss=lm.MeanAbsoluteError, target=numbers),
    "MeanSquaredError": Case(loss=lm.MeanSquaredError, target=numbers),
    "Poisson": Case(lambda: mlp(lm.Tanh(), last=(lm.Softplus(),)), loss=lm.Poisson, target=counts),
    "SigmoidCrossEntropy": Case(loss=lm.SigmoidCrossEntropy, target=answers),
    "SoftmaxCrossEntropy": Case(),
}
OPTIMIZER_CASES = {
    "SGD": Case(optimizer=lambda: lm.SGD(0.3)),
    "Momentum": Case(optimizer=lambda: lm.Momentum(0.05, beta=0.8)),
    "Nesterov": Case(optimizer=lambda: lm.Momentum(0.05, nesterov=True)),
    "Adam": Case(optimizer=lambda: lm.Adam(5e-3)),
    "AdamW": Case(optimizer=lambda: lm.AdamW(5e-3, weight_decay=0.2)),
    "NAdam": Case(optimizer=lambda: lm.NAdam(5e-3)),
    "AdaGrad": Case(optimizer=lambda: lm.AdaGrad(0.05)),
    "RMSProp": Case(optimizer=lambda: lm.RMSProp(5e-3)),
    "Lion": Case(optimizer=lambda: lm.Lion(2e-3, weight_decay=0.2)),
}
REGULARIZER_CASES = {
    "L1": Case(lambda: [lm.Dense(9, regularizer=lm.L1(0.01)), lm.Tanh(), lm.Dense(4)]),
    "L2": Case(lambda: [lm.Dense(9, regularizer=lm.L2(0.05)), lm.Tanh(), lm.Dense(4)]),
    "L1L2": Case(lambda: [lm.Dense(9, regularizer=lm.L1L2(0.01, 0.05)), lm.Tanh(), lm.Dense(4)]),
}


def everything() -> list[lm.Layer]:
    # No bias before BatchNorm: its gradient is 0 but for rounding, which Adam blows up to steps.
    return [
        lm.Flatten(),
        lm.Dense(16, use_bias=False, regularizer=lm.L2(0.01)),
        lm.BatchNorm(),
        lm.ReLU(),
        lm.Dropout(0.2),
        lm.Dense(10, use_bias=False, regularizer=lm.L2(0.01)),
        lm.BatchNorm(momentum=0.5),
        lm.LeakyReLU(),
        lm.Dropout(0.1),
        lm.Dense(4, regularizer=lm.L1L2(1e-3, 1e-3)),
    ]


MIXED_CASES = {
    "a short last batch": Case(short_batch=True),
    "everything together, Momentum": Case(everything, in_shape=(3, 2), short_batch=True),
    "everything together, Adam": Case(
        everything, optimizer=lambda: lm.Adam(2e-3), in_shape=(3, 2), short_batch=True
    ),
}
CASES = {
    f"{kind}: {name}": case
    for kind, cases in {
        "layer": LAYER_CASES,
        "loss": LOSS_CASES,
        "optimizer": OPTIMIZER_CASES,
        "regularizer": REGULARIZER_CASES,
        "mixed": MIXED_CASES,
    }.items()
    for name, case in cases.items()
}


def test_every_public_class_has_a_trajectory() -> None:
    trained = {type(layer).__name__ for case in LAYER_CASES.values() for layer in case.layers()}
    assert trained == set(lm.layers.__all__) - {"Activation", "Layer"}
    assert {c.loss.__name__ for c in LOSS_CASES.values()} == set(lm.losses.__all__) - {"Loss"}
    optimizers = {type(case.optimizer()).__name__ for case in OPTIMIZER_CASES.values()}
    assert optimizers == set(lm.optimizers.__all__) - {"Optimizer"}
    penalties = {
        name
        for name, item in vars(regularizers).items()
        if isinstance(item, type) and issubclass(item, lm.Regularizer)
    }
    assert set(REGULARIZER_CASES) == penalties - {"Regularizer"}


def batches(case: Case) -> list[slice]:
    """Rows of each step: the same order epoch after epoch."""
    samples = SAMPLES if case.short_batch else SAMPLES // BATCH * BATCH
    starts = range(0, samples, BATCH)
    epoch = [slice(start, min(start + BATCH, samples)) for start in starts]
    return (epoch * STEPS)[:STEPS]


class Twin:
    """The same network in torch, trained in torch's own words."""

    def __init__(self, model: lm.Sequential, clip_norm: float | None = None) -> None:
        self.model, self.clip_norm = model, clip_norm
        self.modules = [twin_of(layer) for layer in model.layers]
        parameters = [p for module in self.modules for p in module.parameters()]
        self.optimizer = twin_optimizer(model.optimizer, parameters)
        self.pairs = [
            pair
            for layer, module in zip(model.layers, self.modules, strict=True)
            for pair in pairs(layer, module)
        ]

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        pred = torch.tensor(x)
        for module in self.modules:
            pred = module(pred)
        loss = LOSSES[type(self.model.loss).__name__](pred, torch.tensor(y))
        penalties = [
            penalty(part, tensor)
            for part, tensor in self.pairs
            if getattr(part, "regularizer", None) is not None
        ]
        self.optimizer.zero_grad()
        (loss + sum(penalties)).backward()
        if self.clip_norm is not None:
            tensors = [tensor for _, tensor in self.pairs if tensor.grad is not None]
            torch.nn.utils.clip_grad_norm_(tensors, self.clip_norm)
        self.optimizer.step()
        return loss.item()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_fifty_steps_of_training_equal_torch(name: str, dtype: str, backend: Backend) -> None:
    case, rng = CASES[name], np.random.default_rng(17)
    x = rng.normal(size=(SAMPLES, *case.in_shape)).astype(dtype)
    y = case.target(rng, x)
    y = y.astype(dtype) if y.dtype.kind == "f" else y
    model = lm.Sequential(case.layers(), seed=4, backend=backend, dtype=dtype)
    model.compile(case.loss(), case.optimizer(), in_shape=case.in_shape)
    twin = Twin(model)
    start = model.state_dict()

    losses: list[list[Any]] = [[], []]
    for rows in batches(case):
        losses[0].append(float(model.train_step(x[rows], y[rows])))
        losses[1].append(twin.step(x[rows], y[rows]))

    expect_equal(f"losses, {name}", losses[0], losses[1], dtype)
    for part, tensor in twin.pairs:
        got = backend.to_host(part.value)
        moved = np.linalg.norm(got - start[part.name]) / np.linalg.norm(got)
        assert moved > 0.01, f"{part.name} hardly moved: the comparison would show nothing"
        expect_equal(f"{part.name}, {name}", got, aligned(tensor), dtype)
