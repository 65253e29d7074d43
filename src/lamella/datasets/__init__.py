"""MNIST, and readers for your own data: IDX files, images of digits, train-test splits."""

from lamella.datasets.idx import read_idx, write_idx
from lamella.datasets.images import read_digit
from lamella.datasets.mnist import Samples, mnist
from lamella.datasets.splitting import train_test_split

__all__ = ["Samples", "mnist", "read_digit", "read_idx", "train_test_split", "write_idx"]
