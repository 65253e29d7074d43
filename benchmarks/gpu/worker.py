"""The contestants on a device, each in its own process."""

import os
from collections.abc import Callable

from benchmarks.peers.contestant import Contestant, Material
from benchmarks.peers.worker import Makers, make_jax, make_torch, serve


def make_lamella(capture: bool) -> Callable[[Material], Contestant]:
    """Return lamella's class, with or without its captured step."""
    if not capture:
        os.environ["LAMELLA_CAPTURE"] = "0"
    from benchmarks.gpu.with_lamella import LamellaOnDevice

    return LamellaOnDevice


def make_torch_compiled() -> Callable[[Material], Contestant]:
    from benchmarks.gpu.with_torch import TorchCompiled

    return TorchCompiled


def make_torch_graph() -> Callable[[Material], Contestant]:
    from benchmarks.gpu.with_torch import TorchGraph

    return TorchGraph


# Many networks side by side are measured by the check of that name.
MAKERS: Makers = {
    "lamella": lambda: make_lamella(capture=True),
    "lamella eager": lambda: make_lamella(capture=False),
    "PyTorch": lambda: make_torch(fused=True),
    "PyTorch compiled": make_torch_compiled,
    "PyTorch graph": make_torch_graph,
    "JAX": make_jax,
}


if __name__ == "__main__":
    serve(MAKERS)
