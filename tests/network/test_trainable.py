"""One step of training: labels that change after their check."""

import json

import pytest

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
