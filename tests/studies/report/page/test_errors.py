"""Confusion matrices and the images misclassified most often."""

import base64
import io
import re

import numpy as np
from PIL import Image

from lamella.datasets import mnist
from lamella.studies.report.page.errors import errors
from lamella.studies.results import Results
from lamella.studies.running.data import study_data
from lamella.studies.running.run import Run
from tests.studies.made_up_studies import changed, results_of

LABELS = mnist()[1].y
SEVENS = np.flatnonzero(LABELS == 7)


def predicting() -> Results:
    """Softmax predicts every second 7 as 1, the network predicts the first 7 as 2."""

    def guesses(run: Run) -> np.ndarray:
        guess = LABELS.astype(np.uint8)
        if run.arm == "softmax":
            guess[SEVENS[::2]] = 1
        else:
            guess[SEVENS[0]] = 2
        return guess

    checksums = study_data(None, None).checksums
    better = {"MLP": {"test": 0.98, "val": 0.99}}
    return changed(
        results_of("softmax-vs-mlp", better),
        lambda run: {
            "predictions": guesses(run),
            "confidence": np.full(10_000, 0.9, np.float32),
            "config": {**run.config, "data": checksums},
        },
    )


def test_matrix_shows_the_predictions_of_each_class() -> None:
    softmax, network = errors(predicting())["matrices"]
    assert (softmax["arm"], network["arm"]) == ("softmax", "MLP")
    texts = re.findall(r"<text(?: class=\"right\")? x[^>]*>([\d.]+)</text>", softmax["drawn"])
    assert sorted(texts) == ["100.0"] * 9 + ["50.0", "50.0"]
    assert "0.1</text>" in network["drawn"]


def test_matrices_are_shaded_on_one_scale() -> None:
    softmax, network = (
        [float(shade) for shade in re.findall(r'fill-opacity="([\d.]+)"', matrix["drawn"])]
        for matrix in errors(predicting())["matrices"]
    )
    assert max(softmax) == 0.55
    assert 0 < max(network) < 0.05


def test_images_are_the_mistakes_of_the_best_arm() -> None:
    found = errors(predicting())
    assert found["arm"] == "MLP"
    (image,) = found["images"]
    assert (image["label"], image["predicted"], image["wrong"]) == (7, 2, found["seeds"])
    assert image["index"] == SEVENS[0]


def test_images_are_dark_on_white() -> None:
    (image,) = errors(predicting())["images"]
    kind, data = image["source"].split(",")
    assert kind == "data:image/png;base64"
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    x = np.asarray(mnist()[1].x[SEVENS[0]], np.float64).reshape(28, 28)
    np.testing.assert_array_equal(pixels, 255 - np.round(255 * x / x.max()))


def test_predictions_of_other_data_are_not_shown() -> None:
    assert errors(results_of("softmax-vs-mlp")) == {}


def test_validation_chooses_the_arm_whose_mistakes_are_shown() -> None:
    results = predicting()
    assert errors(results)["arm"] == results.best().arm == "MLP"
    lower = {"softmax": 0.99, "MLP": 0.5}
    swapped = changed(
        results, lambda run: {"scores": {**run.scores, "val_accuracy": lower[run.arm]}}
    )
    assert errors(swapped)["arm"] == "softmax"
    without = changed(
        results, lambda run: {"scores": {k: v for k, v in run.scores.items() if "val" not in k}}
    )
    assert errors(without)["arm"] == results.study.baseline
