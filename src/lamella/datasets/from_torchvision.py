"""Data sets of torchvision as arrays."""

from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, DataError, MissingExtraError
from lamella.core.names import did_you_mean
from lamella.core.signatures import known_arguments
from lamella.core.validation import flag
from lamella.datasets.idx_folder import SETS, collected, from_zero, upright
from lamella.datasets.samples import Collection


@known_arguments
def torchvision(
    dataset: Any, *, root: Any = None, download: bool = False, split: str | None = None
) -> Any:
    """Return a data set of torchvision as arrays.

    Parameters
    ----------
    dataset : str or data set
        The name of a class of ``torchvision.datasets`` with an argument ``train``, such as
        "FashionMNIST", or a data set object of any class whose images have one size. Its
        ``transform`` and ``target_transform`` are applied; EMNIST's images are then left as they
        are transformed, and transformed targets have numbers as names.
    root : path
        Folder of the files, for a name.
    download : bool
        Whether torchvision may download them.
    split : str, optional
        The part of EMNIST, such as "letters".

    Returns
    -------
    Collection, or (train, test) for a name
        Equal to `idx_folder`'s where that reads the data set.

    Raises
    ------
    MissingExtraError
        If a name is given and torchvision is not installed.
    DataError
        If the images have different sizes, or the targets are no classes.
    """
    if not isinstance(dataset, str):
        return _arrays(dataset)
    try:
        from torchvision import datasets
    except ImportError:
        raise MissingExtraError("torchvision", "torchvision", "its data sets") from None
    if not isinstance(getattr(datasets, dataset, None), type):
        raise ArgumentError(
            f"torchvision has no data set {dataset!r}{did_you_mean(dataset, datasets.__all__)}"
        )
    if root is None:
        raise ArgumentError("give root=, the folder of torchvision's files")
    made = getattr(datasets, dataset)
    options: dict[str, Any] = {"download": flag("download", download)}
    options |= {"split": split} if split else {}
    try:
        parts = [made(root, train=part, **options) for part in (True, False)]
    except TypeError as error:
        raise ArgumentError(
            f"{dataset} cannot be made by its name: {error}. Give the data set object itself"
        ) from error
    return tuple(map(_arrays, parts))


def _arrays(dataset: Any) -> Collection:
    kind = type(dataset).__name__
    transform = getattr(dataset, "transform", None)
    target_transform = getattr(dataset, "target_transform", None)
    if not (hasattr(dataset, "__getitem__") and hasattr(type(dataset), "__len__") and len(dataset)):
        raise ArgumentError(f"expected a data set of torchvision with samples, got {dataset!r:.80}")
    if kind in ("MNIST", "FashionMNIST", "KMNIST", "EMNIST") and dataset.transforms is None:
        x, y = np.asarray(dataset.data), np.asarray(dataset.targets)
    else:
        pairs = [dataset[i] for i in range(len(dataset))]
        if any(not isinstance(pair, tuple | list) or len(pair) != 2 for pair in pairs):
            raise DataError(f"samples must be pairs (image, target), got {pairs[0]!r:.80}")
        images = [np.asarray(image) for image, _ in pairs]
        shapes = sorted({image.shape for image in images})
        if len(shapes) > 1:
            raise DataError(
                f"the images have different sizes, such as {shapes[:3]}: give the data set a "
                "transform that resizes them"
            )
        x, y = np.stack(images), np.asarray([target for _, target in pairs])
    if y.ndim != 1 or y.dtype.kind not in "iub":
        raise DataError(f"the targets must be numbers of classes, got {y[:1]!r:.80}")
    split = f"emnist-{dataset.split}" if kind == "EMNIST" else kind
    known = {made: name for name, (made, _, _) in SETS.items() if made != "EMNIST"}
    name = known.get(kind, split)
    if kind == "EMNIST" and transform is None:
        x = upright(x)
    if target_transform is not None:
        return collected(x, y.astype(np.int64), name, _numbers(y))
    classes = SETS[name][2] if name in SETS else tuple(map(str, getattr(dataset, "classes", ())))
    return collected(x, from_zero(y, name), name, classes or _numbers(y))


def _numbers(y: np.ndarray) -> tuple[str, ...]:
    return tuple(map(str, range(int(y.max()) + 1)))
