"""``import lamella``: its names, and nothing heavy."""

import pytest

import lamella as lm
from tests.subprocesses import loaded_packages

HEAVY = {
    "IPython",
    "PIL",
    "cupy",
    "dask",
    "jinja2",
    "joblib",
    "keras",
    "matplotlib",
    "numba",
    "onnx",
    "onnxruntime",
    "pandas",
    "scipy",
    "sklearn",
    "tensorboardX",
    "torch",
    "torchvision",
}


def test_nothing_heavy_is_imported() -> None:
    loaded = loaded_packages("import lamella")
    assert {"lamella", "numpy"} <= loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("name", lm.__all__)
def test_public_classes_and_functions_have_docstrings(name: str) -> None:
    thing = getattr(lm, name)  # some are imported only here
    if name != "__version__":
        assert thing.__doc__


def test_subpackages_and_lamella_have_the_same_classes() -> None:
    for part in (lm.layers, lm.losses, lm.optimizers):
        for name in part.__all__:
            assert getattr(lm, name) is getattr(part, name)


def test_who_looks_for_a_convolution_is_sent_to_pytorch() -> None:
    with pytest.raises(AttributeError, match=r"no convolution.*: use PyTorch"):
        _ = lm.Conv2D


def test_the_old_name_of_model_checkpoint_names_the_new_one() -> None:
    with pytest.raises(AttributeError, match=r"is now lm\.ModelCheckpoint"):
        _ = lm.Checkpoint
