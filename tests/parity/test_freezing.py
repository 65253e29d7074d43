"""Training with layers that are frozen and thawed, against torch's requires_grad."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.parity.test_trajectories import Twin, labels
from tests.parity.twins import aligned, expect_equal

torch = pytest.importorskip("torch", reason="PyTorch is the peer that lamella is compared with")

OPTIMIZERS: dict[str, Callable[[float | None], lm.Optimizer]] = {
    "SGD": lambda clip: lm.SGD(0.3, clip_norm=clip),
    "Momentum": lambda clip: lm.Momentum(0.05, clip_norm=clip),
    "Nesterov": lambda clip: lm.Momentum(0.05, nesterov=True, clip_norm=clip),
    "Adam": lambda clip: lm.Adam(5e-3, clip_norm=clip),
    "AdamW": lambda clip: lm.AdamW(5e-3, weight_decay=0.2, clip_norm=clip),
    "NAdam": lambda clip: lm.NAdam(5e-3, clip_norm=clip),
    "AdaGrad": lambda clip: lm.AdaGrad(0.05, clip_norm=clip),
    "RMSProp": lambda clip: lm.RMSProp(5e-3, clip_norm=clip),
    "Lion": lambda clip: lm.Lion(2e-3, weight_decay=0.2, clip_norm=clip),
}
# Layers by number that are frozen from a step on: none, the first, the norm, those at the ends.
FROZEN = {0: (), 7: (0,), 15: (1,), 22: (0, 4), 30: (), 36: (4,)}


def layers() -> list[lm.Layer]:
    first = lm.Dense(12, use_bias=False, regularizer=lm.L2(0.05))
    return [first, lm.BatchNorm(), lm.Tanh(), lm.Dense(7), lm.Dense(4)]


def freeze(model: lm.Sequential, twin: Twin, frozen: tuple[int, ...]) -> None:
    for i, (layer, module) in enumerate(zip(model.layers, twin.modules, strict=True)):
        layer.trainable = i not in frozen
        module.requires_grad_(i not in frozen)
        if isinstance(layer, lm.BatchNorm):
            module.train(i not in frozen)


@pytest.mark.parametrize("clip", [None, 0.05], ids=["free", "clipped"])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_freezing_equals_that_of_torch(
    name: str, dtype: str, clip: float | None, backend: Backend
) -> None:
    rng = np.random.default_rng(17)
    x = rng.normal(size=(16, 6)).astype(dtype)
    y = labels(rng, x)
    model = lm.Sequential(layers(), seed=4, backend=backend, dtype=dtype)
    model.compile(lm.SoftmaxCrossEntropy(), OPTIMIZERS[name](clip), in_shape=(6,))
    twin = Twin(model, clip)
    losses: list[list[Any]] = [[], []]
    for step in range(45):
        if step in FROZEN:
            freeze(model, twin, FROZEN[step])
        losses[0].append(float(model.train_step(x, y)))
        losses[1].append(twin.step(x, y))
    expect_equal(f"losses, {name}", losses[0], losses[1], dtype)
    for part, tensor in twin.pairs:
        expect_equal(f"{part.name}, {name}", backend.to_host(part.value), aligned(tensor), dtype)
