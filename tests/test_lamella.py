"""``import lamella``: its names, and nothing heavy."""

import json

import pytest

import lamella as lm
from tests.subprocesses import run_python

HEAVY = {
    "IPython",
    "PIL",
    "cupy",
    "dask",
    "jinja2",
    "joblib",
    "matplotlib",
    "numba",
    "onnx",
    "pandas",
    "scipy",
    "sklearn",
    "torch",
    "torchvision",
}

LOADED = """
import json, sys
import lamella
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_nothing_heavy_is_imported() -> None:
    loaded = set(json.loads(run_python("-W", "error", "-c", LOADED).stdout))
    assert "numpy" in loaded
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


def test_the_old_name_of_model_checkpoint_names_the_new_one() -> None:
    with pytest.raises(AttributeError, match=r"is now lm\.ModelCheckpoint"):
        _ = lm.Checkpoint
