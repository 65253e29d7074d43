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


def make_optimizer(task: Task, model: nn.Module, fused: bool | None) -> torch.optim.Optimizer:
    """Return the optimizer; L2 is for weight matrices only."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": task.l2},
        {"params": [p for p in parameters if p.ndim == 1]},
    ]
    if task.optimizer == "adam":
        return torch.optim.Adam(groups, lr=task.learning_rate, fused=fused)
    momentum = MOMENTUM if task.optimizer == "momentum" else 0.0
    return torch.optim.SGD(groups, lr=task.learning_rate, momentum=momentum, fused=fused)


class Torch(Contestant):
    """``fused`` and ``flush`` (denormals) are PyTorch's own switches, off by default."""

    def __init__(
        self,
        material: Material,
        *,
        fused: bool | None = None,
        flush: bool = False,
        compiled: bool = False,
    ) -> None:
        torch.set_num_threads(material.threads)
        torch.set_flush_denormal(flush)
        torch.manual_seed(0)  # for dropout only
        self.task = material.task
        self.model = build(self.task, material.weights)
        self.optimizer = make_optimizer(self.task, self.model, fused)
        self.cross_entropy = nn.CrossEntropyLoss()
        self.call = torch.compile(self.model) if compiled else self.model
        self.x = torch.from_numpy(as_rows(material.images))
        self.y = torch.from_numpy(material.labels)
        self.test_x = torch.from_numpy(as_rows(material.test_images))
        self.test_y = torch.from_numpy(material.test_labels)

    def train(self, samples: int, epoch: int, key: int) -> None:
        self.model.train()
        total = torch.zeros(())
        for rows in torch.from_numpy(order(key, samples)).split(self.task.batch):
            # index_select is over three times as fast as x[rows] on a CPU.
            x, y = self.x.index_select(0, rows), self.y.index_select(0, rows)
            loss = self.cross_entropy(self.call(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        total.item()  # the mean loss of the epoch is part of the timed work

    def loss(self, samples: int) -> float:
        self.model.eval()
        with torch.inference_mode():
            return self.cross_entropy(
                self.model(self.test_x[:samples]), self.test_y[:samples]
            ).item()

    def predict(self, samples: int) -> np.ndarray:
        self.model.eval()
        with torch.inference_mode():
            return self.model(self.test_x[:samples]).argmax(dim=1).numpy()
