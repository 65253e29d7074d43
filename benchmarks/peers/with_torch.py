"""PyTorch in eager mode as in its tutorials, with faster variants."""

import numpy as np
import torch
from torch import nn

from benchmarks.peers.contestant import Contestant, Material, as_rows, order
from benchmarks.peers.tasks import MOMENTUM, Task


def build(task: Task, weights: list[np.ndarray]) -> nn.Sequential:
    """Return the network with lamella's start weights."""
    layers: list[nn.Module] = []
    for i, start in enumerate(weights):
        last = i == len(weights) - 1
        dense = nn.Linear(*start.shape, bias=last or not task.regularized)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(start.T))
            if dense.bias is not None:
                dense.bias.zero_()
        layers.append(dense)
        if not last:
            if task.regularized:
                layers += [nn.BatchNorm1d(start.shape[1]), nn.ReLU(), nn.Dropout(task.dropout)]
            else:
                layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def make_optimizer(
    task: Task, model: nn.Module, fused: bool | None, capturable: bool
) -> torch.optim.Optimizer:
    """Return the optimizer; L2 is for weight matrices only."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": task.l2},
        {"params": [p for p in parameters if p.ndim == 1]},
    ]
    if task.optimizer == "adam":
        return torch.optim.Adam(groups, lr=task.learning_rate, fused=fused, capturable=capturable)
    momentum = MOMENTUM if task.optimizer == "momentum" else 0.0
    return torch.optim.SGD(groups, lr=task.learning_rate, momentum=momentum, fused=fused)


class Torch(Contestant):
    """PyTorch's own switches are off by default; ``flush`` is that of denormals."""

    def __init__(
        self,
        material: Material,
        *,
        fused: bool | None = None,
        flush: bool = False,
        capturable: bool = False,
        compiled: bool = False,
    ) -> None:
        torch.set_num_threads(material.threads)
        torch.set_flush_denormal(flush)
        torch.manual_seed(0)  # for dropout only
        self.task = material.task
        self.device = torch.device("cuda" if material.device == "gpu" else "cpu")
        self.model = build(self.task, material.weights).to(self.device)
        self.optimizer = make_optimizer(self.task, self.model, fused, capturable)
        self.cross_entropy = nn.CrossEntropyLoss()
        self.call = torch.compile(self.model) if compiled else self.model
        self.x = torch.from_numpy(as_rows(material.images)).to(self.device)
        self.y = torch.from_numpy(material.labels).to(self.device)
        self.test_x = torch.from_numpy(as_rows(material.test_images)).to(self.device)
        self.test_y = torch.from_numpy(material.test_labels).to(self.device)

    def mean_loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.cross_entropy(self.call(x), y)

    def train(self, samples: int, epoch: int, key: int) -> None:
        self.model.train()
        total = torch.zeros((), device=self.device)
        rows = torch.from_numpy(order(key, samples)).to(self.device)
        for batch in rows.split(self.task.batch):
            total += self.step(batch)
        total.item()  # the mean loss of the epoch is part of the timed work; waits for the device

    def step(self, rows: torch.Tensor) -> torch.Tensor:
        """Train on the samples of these numbers and return the loss."""
        # index_select is over three times as fast as x[rows] on a CPU.
        loss = self.mean_loss(self.x.index_select(0, rows), self.y.index_select(0, rows))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def loss(self, samples: int) -> float:
        self.model.eval()
        with torch.inference_mode():
            return self.cross_entropy(
                self.model(self.test_x[:samples]), self.test_y[:samples]
            ).item()

    def predict(self, samples: int) -> np.ndarray:
        self.model.eval()
        with torch.inference_mode():
            return self.model(self.test_x[:samples]).argmax(dim=1).cpu().numpy()
