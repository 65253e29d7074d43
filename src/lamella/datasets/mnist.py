"""MNIST; its files are part of the package, so nothing is downloaded."""

import hashlib
from importlib import resources

import numpy as np

from lamella.core.errors import FileFormatError
from lamella.core.signatures import known_arguments
from lamella.datasets.idx import header, parse_idx
from lamella.datasets.samples import Samples

CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
REMEDY = "Install lamella again: pip install --force-reinstall lamella"


@known_arguments
def mnist() -> tuple[Samples, Samples]:
    """Return the training and test sets of MNIST.

    Returns
    -------
    train, test : Samples
        60,000 and 10,000 images: ``x`` uint8 (N, 28, 28), 0 for the background and 255 for ink;
        ``y`` int64 (N,), the digits 0 to 9.

    Raises
    ------
    FileFormatError
        If a file is missing or its SHA-256 checksum is wrong.

    References
    ----------
    LeCun, Cortes and Burges, The MNIST database of handwritten digits; CC BY-SA 3.0.
    """
    return _samples("train"), _samples("t10k")


def _samples(part: str) -> Samples:
    labels = _read(f"{part}-labels-idx1-ubyte").astype(np.int64)
    return Samples(_read(f"{part}-images-idx3-ubyte"), labels)


def _read(name: str) -> np.ndarray:
    file = resources.files("lamella.datasets") / "mnist_data" / f"{name}.gz"
    try:
        array = parse_idx(file.read_bytes(), name)
    except (OSError, FileFormatError) as error:
        raise FileFormatError(f"MNIST's {name} is missing or damaged: {error}. {REMEDY}") from error
    checksum = hashlib.sha256(header(array))
    checksum.update(array.data)
    if checksum.hexdigest() != CHECKSUMS[name]:
        raise FileFormatError(f"MNIST's {name} has a wrong checksum. {REMEDY}")
    return array
