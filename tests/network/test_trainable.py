"""One step of training: labels that change after their check."""

import json
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, UsageError
from tests.data import clouds
from tests.networks import small_classifier
from tests.subprocesses import run_python

# The labels change in the middle of an epoch, when steps are replayed.
CHANGED_LABELS = """
import json, sys
import numpy as np
import lamella as lm

class Change(lm.Callback):
    def on_batch_end(self, model, batch, log):
        if batch == 5:
            y[100:] = label
            self.weights = model.built().values.copy()

label, file, smoothing = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
rng = np.random.default_rng(0)
x, y = rng.standard_normal((320, 20)).astype("f4"), rng.integers(0, 4, 320)
if file:
    np.save(file, y)
    y, given = np.load(file, mmap_mode="r+"), np.load(file, mmap_mode="r")
else:
    given = y
model = lm.Sequential([lm.Dense(8), lm.ReLU(), lm.Dense(4)], seed=0, backend="numpy")
model.compile(lm.SoftmaxCrossEntropy(smoothing), lm.Adam(1e-3), ["accuracy"])
change = Change()
try:
    model.fit(x, given, epochs=2, batch_size=16, shuffle=False, verbose=False, callbacks=[change])
except lm.LamellaError as error:
    kept = bool((model.built().values == change.weights).all())
    print(json.dumps([type(error).__name__, str(error), kept]))
"""


@pytest.mark.parametrize("label", [4, -1, 50, 10**12])
@pytest.mark.parametrize("mapped", [False, True], ids=["a callback", "the file"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1], ids=["hard", "smoothed"])
def test_labels_that_change_during_fit_are_an_error_before_the_step(
    label: int, mapped: bool, smoothing: float, tmp_path: object
) -> None:
    file = f"{tmp_path}/y.npy" if mapped else ""
    name, message, kept = json.loads(
        run_python("-c", CHANGED_LABELS, label, file, smoothing).stdout
    )
    assert name == "DataError"
    assert message.startswith(f"label {label} of sample 4 in the batch is not in 0..3: y has chan")
    assert kept


@pytest.mark.parametrize(
    ("loss", "made"),
    [
        ("cross-entropy", lm.SoftmaxCrossEntropy),
        ("sparse_categorical_crossentropy", lm.SoftmaxCrossEntropy),
        ("binary_crossentropy", lm.SigmoidCrossEntropy),
        ("MSE", lm.MeanSquaredError),
        ("L1", lm.MeanAbsoluteError),
    ],
)
@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [("sgd", lm.SGD), ("Momentum", lm.Momentum), ("adam", lm.Adam), ("AdamW", lm.AdamW)],
)
def test_strings_stand_for_losses_and_optimizers(
    loss: str, made: type, optimizer: str, rule: type
) -> None:
    model = lm.Sequential([lm.Dense(3)], seed=0).compile(loss, optimizer, in_shape=(2,))
    assert repr(model.loss) == repr(made())
    assert repr(model.optimizer) == repr(rule())


def test_mistyped_strings_are_named_and_leave_the_model_as_it_was() -> None:
    model = lm.Sequential([lm.Dense(3)], seed=0).compile("mse", "sgd")
    for loss, optimizer, text in [
        ("crossentropi", "sgd", r"got 'crossentropi': write SoftmaxCrossEntropy\(\)"),
        ("mse", "nesterov", r"got 'nesterov': write Momentum\(nesterov=True\)"),
        ("mse", "", "optimizer must be an Optimizer such as"),
        ("relu", "sgd", "'relu': that names an object of class Layer"),
    ]:
        with pytest.raises(ArgumentError, match=text):
            model.compile(loss, optimizer)
    assert (repr(model.loss), repr(model.optimizer)) == ("MeanSquaredError()", "SGD(lr=0.01)")


def test_softmax_before_keras_cross_entropy_is_refused_with_the_remedy() -> None:
    model = lm.Sequential([lm.Dense(3), lm.Softmax()], seed=0)
    with pytest.raises(UsageError, match=r"takes logits.*leave that layer out"):
        model.compile("categorical_crossentropy", "adam")


def test_stop_training_in_a_callback_is_an_error_at_once() -> None:
    class Stop(lm.Callback):
        def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
            model.stop_training = True

    with pytest.raises(UsageError, match=r"model.stop_training = True.*call model.stop\(reason\)"):
        small_classifier().fit(*clouds(), verbose=False, callbacks=[Stop()])


def test_reading_stop_training_names_the_word() -> None:
    with pytest.raises(AttributeError, match=r"'stop_training': call model.stop\(reason\)"):
        _ = small_classifier().stop_training


def test_calls_of_a_model_and_of_its_parameters_name_the_right_ones() -> None:
    model = small_classifier().build((4,))
    with pytest.raises(UsageError, match=r"model.predict\(x\)"):
        model(np.zeros((1, 4)))
    with pytest.raises(UsageError, match="parameters is a list"):
        model.parameters()
