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


NAMES = [
    "Accuracy",
    "Activation",
    "Adam",
    "AdamW",
    "Backend",
    "BatchNorm",
    "BinaryCrossEntropy",
    "CSV",
    "Callback",
    "CosineDecay",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "ExponentialDecay",
    "Flatten",
    "History",
    "InverseDecay",
    "JSONLines",
    "L1",
    "L1L2",
    "L2",
    "LamellaError",
    "Layer",
    "LeakyReLU",
    "Loss",
    "MLP",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "ModelCheckpoint",
    "Momentum",
    "Optimizer",
    "Progress",
    "ReLU",
    "Regularizer",
    "ResumeFolder",
    "SGD",
    "Schedule",
    "Sequential",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxClassifier",
    "SoftmaxCrossEntropy",
    "StepDecay",
    "Study",
    "Tanh",
    "TerminateOnNaN",
    "Warmup",
    "__version__",
    "datasets",
    "get_backend",
    "load",
    "load_study",
    "save",
    "studies",
    "testing",
]


@pytest.mark.parametrize("name", NAMES)
def test_public_names_are_there(name: str) -> None:
    assert hasattr(lm, name)


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (lm.datasets, "Samples mnist read_digit read_idx train_test_split write_idx"),
        (lm.testing, "check_layer check_loss check_optimizer"),
        (
            lm.Sequential,
            "compile fit evaluate predict predict_classes predict_proba save train_step summary",
        ),
        (lm.Layer, "add_param add_state build forward backward scratch"),
        (lm.Study, "run quick"),
        (lm.studies.Results, "compare load plot report save_plots table to_csv to_dataframe"),
    ],
    ids=["datasets", "testing", "Sequential", "Layer", "Study", "Results"],
)
def test_the_words_users_write_are_there(owner: object, names: str) -> None:
    missing = [name for name in names.split() if not callable(getattr(owner, name, None))]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_public_classes_and_functions_have_docstrings(name: str) -> None:
    thing = getattr(lm, name)
    if callable(thing):
        assert thing.__doc__
        assert thing.__module__.startswith("lamella")


def test_subpackages_and_lamella_have_the_same_classes() -> None:
    for part in (lm.layers, lm.losses, lm.optimizers):
        for name in part.__all__:
            assert getattr(lm, name) is getattr(part, name)


def test_the_old_name_of_model_checkpoint_names_the_new_one() -> None:
    with pytest.raises(AttributeError, match=r"is now lm\.ModelCheckpoint"):
        _ = lm.Checkpoint
