"""Outputs and gradients of every layer against torch."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.parity.twins import LAYERS, aligned, expect_equal, pairs, twin_of

torch = pytest.importorskip("torch", reason="PyTorch is the peer that lamella is compared with")

# Each layer with the shape of its inputs.
CASES: dict[str, tuple[lm.Layer, tuple[int, ...]]] = {
    "BatchNorm": (lm.BatchNorm(momentum=0.8, eps=1e-3), (5,)),
    "Dense": (lm.Dense(4), (5,)),
    "Dense without bias": (lm.Dense(4, use_bias=False), (5,)),
    "Dropout": (lm.Dropout(0.4), (30,)),
    "Dropout of several axes": (lm.Dropout(0.4), (3, 10)),
    "ELU": (lm.ELU(0.7), (3, 5)),
    "Flatten": (lm.Flatten(), (2, 3, 4)),
    "GELU": (lm.GELU(), (3, 5)),
    "LayerNorm": (lm.LayerNorm(eps=1e-3), (5,)),
    "LeakyReLU": (lm.LeakyReLU(0.2), (3, 5)),
    "ReLU": (lm.ReLU(), (3, 5)),
    "SiLU": (lm.SiLU(), (3, 5)),
    "Sigmoid": (lm.Sigmoid(), (3, 5)),
    "Softmax": (lm.Softmax(), (5,)),
    "Softmax of several axes": (lm.Softmax(), (3, 5)),
    "Softplus": (lm.Softplus(), (3, 5)),
    "Tanh": (lm.Tanh(), (3, 5)),
}
every_layer = pytest.mark.parametrize("name", CASES)
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


def test_every_public_layer_has_a_case_and_a_twin() -> None:
    public = set(lm.layers.__all__) - {"Activation", "Layer"}
    assert {type(layer).__name__ for layer, _ in CASES.values()} == public
    assert set(LAYERS) == public


def built(name: str, backend: Backend, dtype: str, rng: np.random.Generator) -> lm.Layer:
    """The layer of a case, with parameters and states that are all different from their start."""
    layer, in_shape = CASES[name]
    layer = type(layer)(**layer.config())
    lm.Sequential([layer], seed=3, backend=backend, dtype=dtype).build(in_shape)
    layer.needs_dx = True
    for part in (*layer.parameters, *layer.states):
        part.value = backend.asarray(rng.uniform(0.5, 2, part.shape), dtype)
    return layer


@every_layer
@every_dtype
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_layer_equals_torch_forward_and_backward(
    name: str, dtype: str, training: bool, backend: Backend, rng: np.random.Generator
) -> None:
    layer = built(name, backend, dtype, rng)
    twin = twin_of(layer).train(training)
    for samples in (7, 3):  # the second batch is shorter, and meets states changed by the first
        x = (3 * rng.normal(size=(samples, *CASES[name][1]))).astype(dtype)
        y = layer.forward(backend.asarray(x), training)
        tensor = torch.tensor(x, requires_grad=True)
        expected = twin(tensor)
        what = f"{name}, {'training' if training else 'evaluation'}, {samples} samples"
        expect_equal(f"output of {what}", backend.to_host(y), expected.detach(), dtype)

        dy = rng.normal(size=expected.shape).astype(dtype)
        dx = layer.backward(backend.asarray(dy))
        twin.zero_grad()
        expected.backward(torch.tensor(dy))
        expect_equal(f"dx of {what}", backend.to_host(dx), tensor.grad, dtype)
        for part, twin_part in pairs(layer, twin):
            got = backend.to_host(part.value)
            expect_equal(f"{part.name} of {what}", got, aligned(twin_part), dtype)
            if part in layer.parameters:
                got = backend.to_host(part.grad)
                expect_equal(f"gradient of {part.name}", got, aligned(twin_part.grad), dtype)


@every_dtype
def test_dropout_drops_about_the_rate_so_that_the_comparison_means_something(
    dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    layer = built("Dropout", backend, dtype, rng)
    layer.forward(backend.asarray(np.ones((100, 30), dtype)), True)
    mask = backend.to_host(layer.mask)
    assert 0.35 < (mask == 0).mean() < 0.45
    np.testing.assert_allclose(mask[mask > 0], 1 / 0.6, rtol=1e-4)
