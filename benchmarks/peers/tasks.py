"""Tasks: networks, batch sizes and optimizers, each with a short name."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Self

SEED = 2023
LEARNING_RATES = {"sgd": 0.05, "momentum": 0.01, "adam": 5e-4}
MOMENTUM = 0.9
DROPOUT, L2 = 0.1, 1e-4

DEFAULT = (
    "784-256-30-10@64",
    "784-256-30-10@16",
    "784-100-70-50-30-10@64",
    "784-2048-256-10@64",
    "784-10@64",
)
# Networks of the original report: wide and narrow, batches small and large.
REPORT = (
    *DEFAULT,
    "784-256-30-10@256",
    "784-256-30-10@64+regularized",
    "784-1024-128-10@64",
    "784-5096-128-10@64",
)


@dataclass(frozen=True)
class Task:
    """One network trained on MNIST.

    Attributes
    ----------
    sizes : tuple of int
        Pixels, width of each hidden layer (with ReLU), classes.
    batch : int
    optimizer : {"sgd", "momentum", "adam"}
    regularized : bool
        With BatchNorm before each ReLU, Dropout after it, and L2 on the weights.
    """

    sizes: tuple[int, ...]
    batch: int
    optimizer: str = "adam"
    regularized: bool = False

    @classmethod
    def parse(cls, name: str, optimizer: str) -> Self:
        """Parse a name such as ``784-256-30-10@64`` or ``...@64+regularized``."""
        match = re.fullmatch(r"(784(?:-\d+)*-10)@(\d+)(\+regularized)?", name)
        if match is None:
            raise SystemExit(
                f"a network is written like 784-256-30-10@64[+regularized], not {name}"
            )
        sizes = tuple(int(size) for size in match[1].split("-"))
        return cls(sizes, int(match[2]), optimizer, match[3] is not None)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        return cls(**{**fields, "sizes": tuple(fields["sizes"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def name(self) -> str:
        end = "+regularized" if self.regularized else ""
        return f"{'-'.join(map(str, self.sizes))}@{self.batch}{end}"

    @property
    def learning_rate(self) -> float:
        return LEARNING_RATES[self.optimizer]

    @property
    def dropout(self) -> float:
        return DROPOUT if self.regularized else 0.0

    @property
    def l2(self) -> float:
        return L2 if self.regularized else 0.0

    def steps(self, samples: int) -> int:
        """Return the number of batches in ``samples``; the last may be shorter."""
        return -(-samples // self.batch)
