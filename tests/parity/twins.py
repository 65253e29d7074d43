"""For each layer, loss and optimizer of lamella its twin in torch, holding the same numbers."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend.parameters import Parameter
from lamella.core.typing import Array

torch = pytest.importorskip("torch", reason="PyTorch is the peer that lamella is compared with")
# With more, the threads of so small products mostly wait for each other.
torch.set_num_threads(1)

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}  # norm of the difference over the norm
TORCH_NAMES = {
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "running_mean": "running_mean",
    "running_var": "running_var",
}


class HandedMask(torch.nn.Module):
    """Dropout with the mask that lamella drew, since no two libraries draw alike."""

    def __init__(self, layer: lm.Dropout) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any) -> Any:
        if self.layer.mask is None:
            return x
        return x * as_tensor(self.layer, self.layer.mask)


def dense(layer: lm.Dense) -> Any:
    features, units = layer.W.shape
    return torch.nn.Linear(features, units, bias=layer.use_bias)


def batch_norm(layer: lm.BatchNorm) -> Any:
    (features,) = layer.gamma.shape
    return torch.nn.BatchNorm1d(features, eps=layer.eps, momentum=1 - layer.momentum)


def layer_norm(layer: lm.LayerNorm) -> Any:
    return torch.nn.LayerNorm(layer.gamma.shape, eps=layer.eps)


LAYERS: dict[str, Callable[[Any], Any]] = {
    "BatchNorm": batch_norm,
    "Dense": dense,
    "Dropout": HandedMask,
    "ELU": lambda layer: torch.nn.ELU(layer.alpha),
    "Flatten": lambda layer: torch.nn.Flatten(),
    "GELU": lambda layer: torch.nn.GELU(approximate="tanh"),
    "LayerNorm": layer_norm,
    "LeakyReLU": lambda layer: torch.nn.LeakyReLU(layer.slope),
    "ReLU": lambda layer: torch.nn.ReLU(),
    "SiLU": lambda layer: torch.nn.SiLU(),
    "Sigmoid": lambda layer: torch.nn.Sigmoid(),
    "Softmax": lambda layer: torch.nn.Softmax(dim=-1),
    "Softplus": lambda layer: torch.nn.Softplus(),
    "Tanh": lambda layer: torch.nn.Tanh(),
}


def multi_margin_loss(scores: Any, rows: Any, **options: Any) -> Any:
    """Torch takes labels, a loss of lamella the one-hot rows of `check_targets`."""
    labels = rows if rows.ndim == 1 else rows.argmax(dim=1)
    return torch.nn.functional.multi_margin_loss(scores, labels, **options)


def poisson_loss(rates: Any, counts: Any, **options: Any) -> Any:
    return torch.nn.functional.poisson_nll_loss(rates, counts, log_input=False, **options)


LOSSES: dict[str, Callable[..., Any]] = {
    "BinaryCrossEntropy": torch.nn.functional.binary_cross_entropy,
    "Hinge": multi_margin_loss,
    "Huber": torch.nn.functional.huber_loss,
    "MeanAbsoluteError": torch.nn.functional.l1_loss,
    "MeanSquaredError": torch.nn.functional.mse_loss,
    "Poisson": poisson_loss,
    "SigmoidCrossEntropy": torch.nn.functional.binary_cross_entropy_with_logits,
    "SoftmaxCrossEntropy": torch.nn.functional.cross_entropy,
}


def as_tensor(layer: lm.Layer, array: Array) -> Any:
    """A copy of a layer's array as a tensor."""
    return torch.tensor(np.array(layer.backend.to_host(array)))


def pairs(layer: lm.Layer, module: Any) -> Iterator[tuple[Any, Any]]:
    """Each parameter and state of a layer with its tensor."""
    for part in (*layer.parameters, *layer.states):
        yield part, getattr(module, TORCH_NAMES[part.name.rsplit(".", 1)[-1]])


def aligned(tensor: Any) -> Any:
    """A view of a torch parameter as lamella lays it out: torch keeps weights as (out, in)."""
    return tensor.detach().mT if tensor.ndim == 2 else tensor.detach()


def twin_of(layer: lm.Layer) -> Any:
    """The torch module of a built layer, with a copy of its numbers."""
    module = LAYERS[type(layer).__name__](layer).to(getattr(torch, layer.dtype.name))
    for part, tensor in pairs(layer, module):
        aligned(tensor).copy_(as_tensor(layer, part.value))
    return module


def adam_groups(parameters: list[Any], decay: float) -> list[dict[str, Any]]:
    """Matrices with decay, biases and scales without."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]


class ExactNAdam(torch.optim.NAdam):
    """NAdam whose product of mu_t is kept in float64; by default torch keeps it in float32."""

    def step(self) -> None:  # type: ignore[override]
        torch.set_default_dtype(torch.float64)
        try:
            super().step()
        finally:
            torch.set_default_dtype(torch.float32)


class PaperLion(torch.optim.Optimizer):
    """Algorithm 2 of Chen et al., 2023, in torch, which has no Lion."""

    def __init__(self, parameters: Any, **settings: Any) -> None:
        super().__init__(parameters, settings)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                m = self.state[w].setdefault("m", torch.zeros_like(w))
                w.mul_(1 - group["lr"] * group["weight_decay"])
                w.sub_(group["lr"] * torch.sign(beta1 * m + (1 - beta1) * w.grad))
                m.mul_(beta2).add_(w.grad, alpha=1 - beta2)


def twin_optimizer(optimizer: lm.Optimizer, parameters: list[Any], decay: float = 0.0) -> Any:
    """The torch optimizer with the same settings; ``decay`` is torch's weight_decay."""
    lr, kind = optimizer.learning_rate, type(optimizer).__name__
    if kind == "SGD":
        return torch.optim.SGD(parameters, lr=lr, weight_decay=decay)
    if kind == "Momentum":
        return torch.optim.SGD(
            parameters,
            lr=lr,
            momentum=optimizer.beta,
            nesterov=optimizer.nesterov,
            weight_decay=decay,
        )
    if kind == "AdaGrad":
        return torch.optim.Adagrad(parameters, lr=lr, eps=optimizer.eps, weight_decay=decay)
    if kind == "RMSProp":
        settings = {"lr": lr, "alpha": optimizer.beta2, "eps": optimizer.eps}
        return torch.optim.RMSprop(parameters, **settings, weight_decay=decay)
    betas = optimizer.beta1, optimizer.beta2
    if kind == "Lion":
        return PaperLion(adam_groups(parameters, optimizer.weight_decay), lr=lr, betas=betas)
    adam = {"lr": lr, "betas": betas, "eps": optimizer.eps}
    if kind == "Adam":
        return torch.optim.Adam(parameters, **adam, weight_decay=decay)
    if kind == "NAdam":
        return ExactNAdam(parameters, **adam, weight_decay=decay)
    if kind == "AdamW":
        return torch.optim.AdamW(adam_groups(parameters, optimizer.weight_decay), **adam)
    raise NotImplementedError(f"{kind} has no twin in torch yet: write it here")


def penalty(part: Parameter, tensor: Any) -> Any:
    """The penalty of a parameter's regularizer, computed by torch."""
    config = {"rate": 0.0, "l1": 0.0, "l2": 0.0, **part.regularizer.config()}
    kind = type(part.regularizer).__name__
    l1 = config["rate"] if kind == "L1" else config["l1"]
    l2 = config["rate"] if kind == "L2" else config["l2"]
    return l1 * tensor.abs().sum() + l2 / 2 * tensor.square().sum()


def expect_equal(what: str, got: Any, expected: Any, dtype: str) -> None:
    """Fail if the relative error is over the tolerance of ``dtype``; ``pytest -s`` shows it."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, what
    error = np.linalg.norm((got - expected).ravel()) / np.linalg.norm(expected.ravel())
    print(f"parity {dtype} {error:.1e} {what}")
    assert error <= TOLERANCE[dtype], f"{what}: relative error {error:.1e}"
