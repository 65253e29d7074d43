"""PyTorch's two ways to launch less: `torch.compile`, and a CUDA graph captured by hand.

The latter has never run on a GPU.
"""

from collections.abc import Callable, Iterator
from itertools import zip_longest

import torch

from benchmarks.peers.contestant import Material
from benchmarks.peers.with_torch import Torch

WARM_UP = 3  # steps before a capture, as PyTorch advises


class TorchCompiled(Torch):
    """Network and loss compiled in the mode that uses CUDA graphs; the optimizer is fused."""

    def __init__(self, material: Material) -> None:
        super().__init__(material, fused=True)
        self.mean_loss = torch.compile(self.mean_loss, mode="reduce-overhead")


class TorchGraph(Torch):
    """Gather, forward, backward, update and loss in one graph launch for each batch.

    As in PyTorch's notes on CUDA graphs: some steps on a side stream first, inputs that stay at
    their place, an optimizer that is ``capturable``. Each batch size has its own graph, captured
    when it comes first; the numbers of the samples are copied to their place before each launch.
    """

    def __init__(self, material: Material) -> None:
        if material.device != "gpu":
            raise SystemExit("a CUDA graph needs a GPU")
        super().__init__(material, fused=True, capturable=True)
        self.graphs: dict[int, tuple[torch.Tensor, Callable[[], None], torch.Tensor]] = {}

    def step(self, rows: torch.Tensor) -> torch.Tensor:
        if len(rows) not in self.graphs:
            self.graphs[len(rows)] = self.prepare(rows.clone())
        inputs, replay, loss = self.graphs[len(rows)]
        inputs.copy_(rows)
        replay()
        return loss

    def prepare(
        self, inputs: torch.Tensor
    ) -> tuple[torch.Tensor, Callable[[], None], torch.Tensor]:
        """Return inputs, replay and loss of a captured step; the training state stays as it was."""
        before = [tensor.clone() for tensor in self.state()]
        replay, loss = self.capture(inputs)
        with torch.no_grad():
            # Moments that the first steps created come last, and began as zeros.
            for tensor, old in zip_longest(self.state(), before):
                if old is None:
                    tensor.zero_()
                else:
                    tensor.copy_(old)
        return inputs, replay, loss

    def capture(self, inputs: torch.Tensor) -> tuple[Callable[[], None], torch.Tensor]:
        """Return the replay of a step and the loss that it writes; the warm-up trains."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                super().step(inputs)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = super().step(inputs)
        return graph.replay, loss

    def state(self) -> Iterator[torch.Tensor]:
        """Yield all tensors that a step changes: of the model, then of the optimizer."""
        yield from self.model.state_dict().values()
        for moments in self.optimizer.state.values():
            yield from (value for value in moments.values() if isinstance(value, torch.Tensor))
