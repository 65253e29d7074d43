"""Values and gradients of every loss against torch, with and without weights."""

from collections.abc import Callable

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.parity.twins import LOSSES, expect_equal

torch = pytest.importorskip("torch", reason="PyTorch is the peer that lamella is compared with")

Rng = np.random.Generator
SAMPLES = 9
# Predictions and targets of each loss.
CASES: dict[str, tuple[Callable[[Rng], np.ndarray], Callable[[Rng], np.ndarray]]] = {
    "BinaryCrossEntropy": (
        lambda rng: rng.uniform(0.01, 0.99, (SAMPLES, 3)),
        lambda rng: rng.integers(0, 2, (SAMPLES, 3)).astype(float),
    ),
    "Hinge": (
        lambda rng: rng.normal(size=(SAMPLES, 5)),
        lambda rng: np.eye(5)[rng.integers(0, 5, SAMPLES)],
    ),
    "Huber": (
        lambda rng: 2 * rng.normal(size=(SAMPLES, 3, 2)),
        lambda rng: rng.normal(size=(SAMPLES, 3, 2)),
    ),
    "MeanAbsoluteError": (
        lambda rng: rng.normal(size=(SAMPLES, 3, 2)),
        lambda rng: rng.normal(size=(SAMPLES, 3, 2)),
    ),
    "MeanSquaredError": (
        lambda rng: rng.normal(size=(SAMPLES, 3, 2)),
        lambda rng: rng.normal(size=(SAMPLES, 3, 2)),
    ),
    "Poisson": (
        lambda rng: rng.uniform(1e-3, 4, (SAMPLES, 3)),
        lambda rng: rng.poisson(2.0, (SAMPLES, 3)).astype(float),
    ),
    "SigmoidCrossEntropy": (
        lambda rng: 5 * rng.normal(size=(SAMPLES, 3)),
        lambda rng: rng.uniform(0, 1, (SAMPLES, 3)).round(1),
    ),
    "SoftmaxCrossEntropy": (
        lambda rng: 3 * rng.normal(size=(SAMPLES, 5)),
        lambda rng: rng.integers(0, 5, SAMPLES),
    ),
}
every_loss = pytest.mark.parametrize("name", CASES)
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


def test_every_public_loss_has_a_case_and_a_twin() -> None:
    public = set(lm.losses.__all__) - {"Loss"}
    assert set(CASES) == public
    assert set(LOSSES) == public


@every_loss
@every_dtype
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_loss_equals_torch_forward_and_backward(
    name: str, dtype: str, weighted: bool, backend: Backend, rng: np.random.Generator
) -> None:
    loss = getattr(lm, name)()
    loss.attach(backend=backend, dtype=dtype)
    pred, target = (make(rng) for make in CASES[name])
    pred = pred.astype(dtype)
    target = target.astype(dtype) if target.dtype.kind == "f" else target
    weight = rng.uniform(0, 3, SAMPLES).astype(dtype) if weighted else None

    device = [None if a is None else backend.asarray(a) for a in (pred, target, weight)]
    got = backend.to_host(loss(*device))
    gradient = backend.to_host(loss.backward())

    tensor = torch.tensor(pred, requires_grad=True)
    if weight is None:
        expected = LOSSES[name](tensor, torch.tensor(target))
    else:
        each = LOSSES[name](tensor, torch.tensor(target), reduction="none")
        w = torch.tensor(weight)
        expected = (w * each.reshape(SAMPLES, -1).mean(dim=1)).sum() / w.sum()
    expected.backward()
    what = f"{name}, {'weighted' if weighted else 'plain'}"
    expect_equal(f"value of {what}", got, expected.detach(), dtype)
    expect_equal(f"gradient of {what}", gradient, tensor.grad, dtype)


@every_dtype
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("soft", [False, True], ids=["labels", "soft"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_soft_targets_and_label_smoothing_equal_those_of_torch(
    soft: bool, smoothing: float, weighted: bool, dtype: str, backend: Backend, rng: Rng
) -> None:
    logits, labels = (make(rng) for make in CASES["SoftmaxCrossEntropy"])
    target = rng.dirichlet(np.ones(5), SAMPLES).astype(dtype) if soft else labels
    logits, weight = logits.astype(dtype), rng.uniform(0, 3, SAMPLES).astype(dtype)
    loss = lm.SoftmaxCrossEntropy(label_smoothing=smoothing)
    loss.attach(backend=backend, dtype=dtype)
    send = backend.asarray
    got = backend.to_host(loss(send(logits), send(target), send(weight) if weighted else None))
    gradient = backend.to_host(loss.backward())

    tensor = torch.tensor(logits, requires_grad=True)
    each = torch.nn.CrossEntropyLoss(label_smoothing=smoothing, reduction="none")(
        tensor, torch.tensor(target)
    )
    w = torch.tensor(weight) if weighted else torch.ones(SAMPLES)
    expected = (w * each).sum() / w.sum()
    expected.backward()
    what = f"cross-entropy, soft {soft}, smoothing {smoothing}"
    expect_equal(f"value of {what}", got, expected.detach(), dtype)
    expect_equal(f"gradient of {what}", gradient, tensor.grad, dtype)


@every_dtype
def test_class_weights_equal_those_of_torch(
    dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    """torch's CrossEntropyLoss(weight=) divides by the sum of the weights too."""
    logits, labels = (make(rng) for make in CASES["SoftmaxCrossEntropy"])
    logits, per_class = logits.astype(dtype), np.array([1, 2, 0.5, 3, 0.1], dtype)
    loss = lm.SoftmaxCrossEntropy()
    loss.attach(backend=backend, dtype=dtype)
    send = backend.asarray
    got = backend.to_host(loss(send(logits), send(labels), send(per_class[labels])))
    gradient = backend.to_host(loss.backward())
    tensor = torch.tensor(logits, requires_grad=True)
    expected = torch.nn.CrossEntropyLoss(weight=torch.tensor(per_class))(
        tensor, torch.tensor(labels)
    )
    expected.backward()
    expect_equal("value of cross-entropy with class weights", got, expected.detach(), dtype)
    expect_equal("gradient of cross-entropy with class weights", gradient, tensor.grad, dtype)
