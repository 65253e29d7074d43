"""Metrics by name, names of custom ones, and the better direction."""

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError
from lamella.core.typing import Array
from lamella.losses.metrics import METRICS, fitting_metrics, get_metrics, is_higher_better


class Distance(lm.Metric):
    """A metric as a user writes it."""

    name = "distance"

    def score(self, pred: Array, target: Array) -> Array:
        return abs(pred - target).sum(axis=-1)


def named(name: object) -> lm.Metric:
    metric = Distance()
    metric.name = name  # type: ignore[assignment]
    return metric


def test_metrics_are_found_by_name() -> None:
    for name, kind in METRICS.items():
        (found,) = get_metrics([name])
        assert type(found) is kind
        assert found.name == name
    (top,) = get_metrics(["top_3"])
    assert isinstance(top, lm.TopK)
    assert (top.k, top.name) == (3, "top_3")


def test_metric_objects_pass_as_they_are() -> None:
    own = Distance()
    assert get_metrics(["accuracy", own])[1] is own


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ("accuracy", r"metrics must be a list, such as \['accuracy'\]"),
        (lm.Accuracy(), r"metrics must be a list, such as \[Accuracy\(\)\]"),
        (lm.Accuracy, r'metrics must be a list, such as \["accuracy"\]'),
        (None, r'metrics must be a list, such as \["accuracy"\]; got None'),
        (["acuracy"], "got 'acuracy': did you mean 'accuracy'"),
        (["precision"], "must be one of accuracy, binary_accuracy, .* top_5; got 'precision'"),
        (["top_k"], "got 'top_k': did you mean 'top_5'"),
        (["R2"], "got 'R2': did you mean 'r2'"),
        ([lm.Accuracy], r"got the class Accuracy: add \(\)"),
        ([3], r"metric must be a Metric such as Accuracy\(\), got 3"),
        ([named("")], "the metric Distance needs a name for the logs: write name = 'distance'"),
        ([named(None)], "needs a name for the logs"),
        ([named("loss")], "Distance cannot have the name 'loss', which the logs use"),
        ([named("penalty")], "cannot have the name 'penalty'"),
        ([named("seconds")], "cannot have the name 'seconds'"),
        ([named("val_distance")], "cannot have the name 'val_distance'"),
        (["accuracy", lm.Accuracy()], "2 metrics have the name 'accuracy'"),
        ([Distance(), Distance()], "2 metrics have the name 'distance'"),
    ],
)
def test_wrong_metrics_are_refused(metrics: object, text: str) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        get_metrics(metrics)


@pytest.mark.parametrize(
    ("target", "out_shape", "loss", "names"),
    [
        (np.array([0, 2]), (3,), lm.SoftmaxCrossEntropy(), ["accuracy"]),
        (np.array([[0.5], [2.0]]), (1,), lm.MeanSquaredError(), ["r2", "mae", "rmse"]),
        (
            np.array([[0.0], [1.0]]),
            (1,),
            lm.SigmoidCrossEntropy(),
            ["accuracy", "binary_accuracy", "subset_accuracy"],
        ),
        (np.array([[-1.0], [1.0]]), (1,), lm.MeanSquaredError(), [*METRICS]),
    ],
)
def test_metrics_that_fit_the_targets(
    target: np.ndarray, out_shape: tuple[int, ...], loss: lm.Loss, names: list[str]
) -> None:
    assert fitting_metrics(target, out_shape, loss) == names


def test_each_metric_says_which_direction_is_better() -> None:
    higher = ["accuracy", "binary_accuracy", "subset_accuracy", "top_3", "r2"]
    assert all(is_higher_better(name) for name in higher)
    lower = ["loss", "penalty", "seconds", "mae", "rmse"]
    assert not any(is_higher_better(name) for name in lower)


def test_custom_metrics_say_it_themselves() -> None:
    own = Distance()
    with pytest.raises(ArgumentError, match="set higher_is_better in the class Distance"):
        is_higher_better("distance", [own])
    own.higher_is_better = False
    assert not is_higher_better("distance", [own])
    worse = named("r2")
    worse.higher_is_better = False
    assert not is_higher_better("r2", [worse])


def test_unknown_names_are_not_guessed() -> None:
    with pytest.raises(ArgumentError, match="not known whether a higher 'my_accuracy' is better"):
        is_higher_better("my_accuracy")
    with pytest.raises(ArgumentError, match="'acuracy' is better: did you mean 'accuracy'"):
        is_higher_better("acuracy")
