"""Small data sets in the files of Fashion-MNIST, KMNIST, QMNIST and EMNIST."""

from pathlib import Path

import numpy as np

from lamella.datasets import write_idx
from lamella.datasets.idx_folder import SETS


def write_set(root: Path, name: str, *, end: str = "", seed: int = 0) -> dict[str, np.ndarray]:
    """Write 30 training and 20 test images as torchvision has them; return the arrays written."""
    rng = np.random.default_rng(seed)
    own, prefix, classes = SETS[name]
    folder = root / own / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for part, count in (("train", 30), ("test", 20)):
        stem = prefix + (part if part == "train" or prefix else "t10k")
        x = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        y = (np.arange(count) % len(classes)).astype(np.uint8)
        stored = y + (name == "emnist-letters")
        write_idx(folder / f"{stem}-images-idx3-ubyte{end}", x)
        if name == "qmnist":
            table = np.zeros((count, 8), np.int32)
            table[:, 0] = stored
            write_idx(folder / f"{stem}-labels-idx2-int{end}", table)
        else:
            write_idx(folder / f"{stem}-labels-idx1-ubyte{end}", stored.astype(np.uint8))
        arrays |= {f"{part} x": x, f"{part} y": y}
    return arrays
