"""MNIST, data sets like it, your own pictures of digits, IDX files, train-test splits."""

from lamella.core.names import public_names
from lamella.datasets.digit_folder import digit_folder
from lamella.datasets.from_torchvision import torchvision
from lamella.datasets.handwriting import Page, read_digit, read_digits
from lamella.datasets.idx import read_idx, write_idx
from lamella.datasets.idx_folder import idx_folder
from lamella.datasets.mnist import mnist
from lamella.datasets.samples import Collection, Samples
from lamella.datasets.splitting import train_test_split

__all__ = [
    "Collection", "Page", "Samples", "digit_folder", "idx_folder", "mnist", "read_digit",
    "read_digits", "read_idx", "torchvision", "train_test_split", "write_idx",
]  # fmt: skip

__getattr__, __dir__ = public_names(__name__, __all__)
