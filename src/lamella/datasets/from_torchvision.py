"""Data sets of torchvision as arrays."""

from typing import Any

import numpy as np

from lamella.core.errors import ArgumentError, DataError, MissingExtraError
from lamella.core.names import did_you_mean
from lamella.core.signatures import known_arguments
from lamella.core.validation import flag
from lamella.datasets.idx_folder import SETS, collected
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
        "FashionMNIST", or a data set object of any class whose images have one size. A
        ``transform`` of it is applied.
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
    return tuple(_arrays(made(root, train=part, **options)) for part in (True, False))


def _arrays(dataset: Any) -> Collection:
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")) or not len(dataset):
        raise ArgumentError(f"expected a data set of torchvision with samples, got {dataset!r:.80}")
    kind = type(dataset).__name__
    if kind in ("MNIST", "FashionMNIST", "KMNIST", "EMNIST") and dataset.transforms is None:
        x, y = np.asarray(dataset.data), np.asarray(dataset.targets)
    else:
        pairs = [dataset[i] for i in range(len(dataset))]
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
    own = getattr(dataset, "classes", ())
    classes = SETS[name][2] if name in SETS else tuple(map(str, own))
    classes = classes or tuple(map(str, range(int(y.max()) + 1)))
    return collected(x, y.astype(np.int64), name, classes, is_emnist=kind == "EMNIST")
