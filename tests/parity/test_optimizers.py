"""Steps of every optimizer against torch, on the same gradients."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.optimizers.bare_parameters import drive, step, values
from tests.parity.twins import expect_equal, twin_optimizer

torch = pytest.importorskip("torch", reason="PyTorch is the peer that lamella is compared with")

CASES: dict[str, lm.Optimizer] = {
    "SGD": lm.SGD(0.1),
    "Momentum": lm.Momentum(0.1, beta=0.8),
    "Nesterov": lm.Momentum(0.1, beta=0.8, nesterov=True),
    "Adam": lm.Adam(0.1),
    "Adam, other settings": lm.Adam(0.02, beta1=0.7, beta2=0.95, eps=1e-3),
    "AdamW": lm.AdamW(0.05, weight_decay=0.1),
    "NAdam": lm.NAdam(0.1),
    "NAdam, other settings": lm.NAdam(0.02, beta1=0.99, beta2=0.95, eps=1e-3),
    "AdaGrad": lm.AdaGrad(0.1),
    "RMSProp": lm.RMSProp(0.02),
    "RMSProp, other settings": lm.RMSProp(0.02, beta2=0.5, eps=1e-2),
    "Lion": lm.Lion(0.02),
    "Lion, other settings": lm.Lion(0.01, beta1=0.5, beta2=0.9, weight_decay=0.2),
}
SHAPES = [(4, 3), (3,), (3, 2), (2,)]
STEPS = 60
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


def fresh(name: str) -> lm.Optimizer:
    return type(CASES[name])(**CASES[name].config())


def test_every_public_optimizer_has_a_case() -> None:
    public = set(lm.optimizers.__all__) - {"Optimizer"}
    assert {type(optimizer).__name__ for optimizer in CASES.values()} == public


def tensors(arrays: list[np.ndarray]) -> list["torch.Tensor"]:
    return [torch.tensor(a, requires_grad=True) for a in arrays]


@pytest.mark.parametrize("name", CASES)
@every_dtype
def test_steps_equal_torch_at_every_step(
    name: str, dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    start = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    ours = fresh(name)
    store = drive(ours, start, backend=backend, dtype=dtype)
    theirs = tensors(start)
    torch_optimizer = twin_optimizer(ours, theirs)
    for t in range(STEPS):
        # Scales from 1e-4 to 1e2, and now and then no gradient at all.
        grads = [
            (rng.normal(size=s) * 10 ** rng.uniform(-4, 2) * (t % 7 > 0)).astype(dtype)
            for s in SHAPES
        ]
        step(ours, store, grads)
        for tensor, g in zip(theirs, grads, strict=True):
            tensor.grad = torch.tensor(g)
        torch_optimizer.step()
        for i, (got, want) in enumerate(zip(values(store), theirs, strict=True)):
            expect_equal(f"parameter {i} after step {t} of {name}", got, want.detach(), dtype)


@every_dtype
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_clip_norm_equals_clip_grad_norm(
    scale: float, dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    """Below, near and far above the limit of 2; the gradients themselves are compared."""
    start = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    grads = [(scale * rng.normal(size=shape)).astype(dtype) for shape in SHAPES]
    ours = lm.SGD(0.1, clip_norm=2.0)
    store = drive(ours, start, backend=backend, dtype=dtype)
    step(ours, store, grads)
    theirs = tensors(start)
    for tensor, g in zip(theirs, grads, strict=True):
        tensor.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_(theirs, max_norm=2.0)
    twin_optimizer(ours, theirs).step()
    for i, (p, tensor) in enumerate(zip(store, theirs, strict=True)):
        got = backend.to_host(p.grad)
        expect_equal(f"clipped gradient {i} of scale {scale}", got, tensor.grad, dtype)
        expect_equal(f"parameter {i}", backend.to_host(p.value), tensor.detach(), dtype)


@every_dtype
@pytest.mark.parametrize("clip_norm", [None, 0.7], ids=["value", "value and norm"])
def test_clip_value_equals_clip_grad_value(
    clip_norm: float | None, dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    start = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    ours = lm.Momentum(0.1, clip_value=0.5, clip_norm=clip_norm)
    store = drive(ours, start, backend=backend, dtype=dtype)
    theirs = tensors(start)
    torch_optimizer = twin_optimizer(ours, theirs)
    for _ in range(5):
        grads = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
        step(ours, store, grads)
        for tensor, g in zip(theirs, grads, strict=True):
            tensor.grad = torch.tensor(g)
        torch.nn.utils.clip_grad_value_(theirs, 0.5)
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(theirs, clip_norm)
        torch_optimizer.step()
    for i, (p, tensor) in enumerate(zip(store, theirs, strict=True)):
        expect_equal(f"clipped gradient {i}", backend.to_host(p.grad), tensor.grad, dtype)
        expect_equal(f"parameter {i}", backend.to_host(p.value), tensor.detach(), dtype)


@every_dtype
@pytest.mark.parametrize("name", ["SGD", "Momentum", "Nesterov", "Adam"])
def test_l2_equals_the_weight_decay_of_torch(
    name: str, dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    """L2(rate) on the weights is torch's weight_decay=rate, which is added to the gradient too."""
    start = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    ours = fresh(name)
    store = drive(ours, start, backend=backend, dtype=dtype)
    add_penalties = [lm.L2(0.3).compile_rule(p, backend) for p in store]
    theirs = tensors(start)
    torch_optimizer = twin_optimizer(ours, theirs, decay=0.3)
    for _ in range(20):
        for p, tensor in zip(store, theirs, strict=True):
            g = rng.normal(size=p.shape).astype(dtype)
            p.grad = backend.asarray(g)
            tensor.grad = torch.tensor(g)
        for add_penalty in add_penalties:
            add_penalty()
        ours.step()
        torch_optimizer.step()
    for i, (got, want) in enumerate(zip(values(store), theirs, strict=True)):
        expect_equal(f"parameter {i} with L2 and {name}", got, want.detach(), dtype)


@every_dtype
def test_schedule_per_epoch_equals_a_torch_scheduler(
    dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    start = [rng.normal(size=(3, 2)).astype(dtype)]
    ours = lm.Momentum(lm.StepDecay(0.1, every=2, factor=0.3))
    store = drive(ours, start, backend=backend, dtype=dtype)
    theirs = tensors(start)
    torch_optimizer = twin_optimizer(ours, theirs)
    scheduler = torch.optim.lr_scheduler.StepLR(torch_optimizer, step_size=2, gamma=0.3)
    for epoch in range(6):
        ours.begin_epoch(epoch, 4)
        for _ in range(4):
            g = rng.normal(size=(3, 2)).astype(dtype)
            step(ours, store, [g])
            theirs[0].grad = torch.tensor(g)
            torch_optimizer.step()
        scheduler.step()
        expect_equal(f"weights after epoch {epoch}", values(store)[0], theirs[0].detach(), dtype)
