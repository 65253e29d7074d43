"""Data sets by name or folder, as the command line and the files of studies give them."""

from pathlib import Path

from lamella.core.errors import ArgumentError
from lamella.core.names import did_you_mean
from lamella.datasets.digit_folder import digit_folder
from lamella.datasets.idx_folder import DIGITS, SETS, idx_folder
from lamella.datasets.mnist import mnist
from lamella.datasets.samples import Collection
from lamella.datasets.splitting import train_test_split


def named(data: str, root: str | None = None) -> tuple[Collection, Collection]:
    """Return the training and test sets of a name, or of a folder of pictures.

    ``data`` is a name of `idx_folder`, with the ``root`` of its files, or a folder for
    `digit_folder`, a fifth of which becomes the test set. "mnist" without a root is the MNIST of
    the package. Raise an ArgumentError if it is neither, or a name without a root.
    """
    if data == "mnist" and root is None:
        train, test = (Collection(*part, "MNIST", DIGITS) for part in mnist())
        return train, test
    if data in SETS:
        if root is None:
            raise ArgumentError(
                f"{data} is not part of lamella: give the folder of its files as root"
            )
        return idx_folder(root, data)
    whole = labelled_folder(data, root)
    halves = train_test_split(*whole)
    train, test = (Collection(*half, whole.name, whole.classes) for half in halves)
    train.unreadable = whole.unreadable
    return train, test


def labelled_folder(path: str, root: str | None = None) -> Collection:
    """Return all pictures of a folder of the user's own.

    Raise an ArgumentError if there is none, or if there is a root, which only named sets have.
    """
    if not path or not Path(path).is_dir():
        raise ArgumentError(
            f"{path!r} is neither a folder of pictures nor one of the data sets "
            f"{', '.join(SETS)}{did_you_mean(path, SETS)}"
        )
    if root is not None:
        raise ArgumentError(f"{path} is a folder of pictures: leave out root, which is {root}")
    return digit_folder(path)
