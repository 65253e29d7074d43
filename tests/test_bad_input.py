"""Wrong arguments, parts and files: a clear error before anything changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend, cupy_problem
from lamella.core.errors import (
    ArgumentError,
    BackendError,
    FileFormatError,
    ShapeError,
    UsageError,
)
from tests.networks import snapshot
from tests.wrong_calls import INF, NAN, X, Y, classifier, expect_untouched, train

# Hyper-parameters

RATES: list[tuple[Callable[[Any], object], str, list[Any]]] = [
    (lm.SGD, "lr must be", [0, -0.1, NAN, INF, "0.1", None, True, [0.1]]),
    (lm.Adam, "lr must be", [0, -1e-3, NAN]),
    (lambda v: lm.Adam(beta1=v), r"beta1 must be in \[0, 1\)", [1, -0.1]),
    (lambda v: lm.Adam(beta2=v), r"beta2 must be in \[0, 1\)", [1, -0.1]),
    (lambda v: lm.Adam(eps=v), "eps must be greater than 0", [0, -1]),
    (lambda v: lm.AdamW(weight_decay=v), r"weight_decay must be in \[0, 1\]", [-0.1, 1.1]),
    (lambda v: lm.Momentum(beta=v), r"beta must be in \[0, 1\)", [1, -0.1]),
    (lambda v: lm.SGD(clip_norm=v), "clip_norm must be greater than 0", [0, -1]),
    (lm.Dropout, r"rate must be in \[0, 1\)", [1, 1.5, -0.1]),
    (lm.Dropout, "rate must be a finite number", [NAN, "0.5", None, True]),
    (lm.Dense, "units must be a whole number of at least 1", [0, -3, 2.5, "10", None]),
    (lm.LeakyReLU, r"slope must be in \[0, 1\]", [-0.1, 1.1]),
    (lm.BatchNorm, r"momentum must be in \[0, 1\)", [1, -0.1]),
    (lambda v: lm.BatchNorm(eps=v), "eps must be greater than 0", [0, -1]),
    (lm.L1, "rate must be at least 0", [-0.1]),
    (lm.L2, "rate must be a finite number", [NAN, INF, "a", None]),
    (lambda v: lm.L1L2(0, v), "l2 must be at least 0", [-1]),
    (lambda v: lm.Dense(3, init=v), "init must be", ["he", None, 3]),
    (lambda v: lm.Dense(3, regularizer=v), "regularizer must be", [0.1, "L2", lm.L2]),
    (lambda v: lm.Sequential([lm.Dense(3)], dtype=v), "dtype must be", ["float16", int, None]),
    (lambda v: lm.Sequential([lm.Dense(3)], seed=v), "seed must be", [-1, 0.5, "1"]),
]


@pytest.mark.parametrize(
    ("make", "text", "value"),
    [(make, text, value) for make, text, values in RATES for value in values],
    ids=[f"{text.split()[0]}-{value!r}"[:40] for _, text, values in RATES for value in values],
)
def test_hyper_parameters_out_of_range_are_refused(
    make: Callable[[Any], object], text: str, value: object
) -> None:
    with pytest.raises(ArgumentError, match=text) as caught:
        make(value)
    shown = value.__name__ if isinstance(value, type) else repr(value)
    assert shown in str(caught.value)


# Parts that do not fit together


def test_inputs_of_several_axes_before_dense_name_the_layer(backend: Backend) -> None:
    model = lm.Sequential([lm.Dense(3)], seed=1, backend=backend)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    with pytest.raises(ShapeError) as caught:
        model.fit(np.zeros((9, 28, 28)), np.zeros(9, int), verbose=False)
    for part in ("layer 0", "Dense takes 1 axis", "(28, 28)", "Flatten()"):
        assert part in str(caught.value)
    assert model.store is None
    model.fit(X, Y, epochs=1, verbose=False)  # the right data can still come


def test_inputs_of_another_shape_name_the_first_layer(backend: Backend) -> None:
    model = classifier(backend)
    train(model)
    for call in (
        lambda x: model.fit(x, Y, verbose=False),
        lambda x: model.evaluate(x, Y),
        lambda x: model.train_step(x, Y),
        model.predict,
    ):
        with pytest.raises(ShapeError, match=r"shape \(5,\).*layer 0 Dense was built for \(6,\)"):
            call(X[:, :5])


def test_features_in_another_layout_are_refused_without_flatten() -> None:
    model = classifier()
    train(model)
    with pytest.raises(ShapeError, match=r"\(2, 3\).*layer 0 Dense was built for \(6,\)"):
        model.predict(X.reshape(33, 2, 3))


def test_single_output_for_classes_is_refused() -> None:
    model = lm.Sequential([lm.Dense(1)], seed=1)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    with pytest.raises(ShapeError, match=r"at least 2 class scores.*gives \(1,\).*Dense"):
        model.fit(X, Y, verbose=False)


@pytest.mark.parametrize("last", [lm.Softmax, lm.Sigmoid])
def test_probabilities_before_a_loss_on_logits_are_refused(last: type[lm.Layer]) -> None:
    model = lm.Sequential([lm.Dense(3), last()], seed=1)
    with pytest.raises(UsageError) as caught:
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), in_shape=(6,))
    for part in ("SoftmaxCrossEntropy takes logits", last.__name__, "leave that layer out"):
        assert part in str(caught.value)
    assert not model.compiled
    assert model.store is None
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1))  # which takes probabilities


def test_a_trained_model_keeps_its_loss_when_another_does_not_fit() -> None:
    model = lm.Sequential([lm.Dense(3), lm.Softmax()], seed=1, backend="numpy")
    loss, optimizer = lm.MeanSquaredError(), lm.SGD(0.1)
    model.compile(loss, optimizer).fit(X, Y, epochs=1, verbose=False)
    with pytest.raises(UsageError, match="takes logits"):
        model.compile(lm.SoftmaxCrossEntropy(), lm.Adam())
    assert (model.loss, model.optimizer) == (loss, optimizer)
    assert optimizer.t == 1


def test_calls_before_compile_are_refused() -> None:
    model = lm.Sequential([lm.Dense(3)], seed=1).build((6,))
    for call in (
        lambda: model.fit(X, Y),
        lambda: model.evaluate(X, Y),
        lambda: model.train_step(X, Y),
        lambda: model.predict_proba(X),
    ):
        with pytest.raises(UsageError, match=r"call compile\(loss=..., optimizer=...\) first"):
            call()
    assert model.predict(X).shape == (33, 3)  # this needs no loss


def test_calls_before_the_model_is_built_are_refused() -> None:
    model = classifier()
    for call in (
        lambda: model.predict(X),
        lambda: model.predict_classes(X),
        lambda: model.predict_proba(X),
        lambda: model.evaluate(X, Y),
        model.state_dict,
    ):
        with pytest.raises(UsageError, match=r"not built yet: compile\(..., in_shape=\) or fit"):
            call()
    with pytest.raises(UsageError, match=r"0.Dense.W|not built|no attribute|has no"):
        lm.Dense(3).forward(X, training=False)


@pytest.mark.parametrize(
    ("loss", "optimizer", "text"),
    [
        ("mes", lm.SGD(0.1), r"loss must be a Loss such as SoftmaxCrossEntropy\(\), got 'mes'"),
        ("adam", "mse", "'adam': that names an object of class Optimizer: check the order"),
        (lm.MeanSquaredError, lm.SGD(0.1), "loss must be an object, got the class MeanSq.*add ()"),
        (lm.MeanSquaredError(), "ftrl", "optimizer must be an Optimizer .* got 'ftrl'"),
        (lm.MeanSquaredError(), lm.SGD, "optimizer must be an object, got the class SGD"),
        (lm.SGD(0.1), lm.MeanSquaredError(), r"loss must be a Loss.*got SGD"),
    ],
)
def test_parts_of_the_wrong_kind_are_refused(loss: Any, optimizer: Any, text: str) -> None:
    model = lm.Sequential([lm.Dense(3)], seed=1)
    with pytest.raises(ArgumentError, match=text):
        model.compile(loss, optimizer)
    assert not model.compiled


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ("accuracy", r"metrics must be a list, such as \['accuracy'\]"),
        (["precision"], "metric must be one of accuracy, .*; got 'precision'"),
        ([lm.Accuracy], "metric must be an object, got the class Accuracy"),
    ],
)
def test_wrong_metrics_are_refused(metrics: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        classifier().compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1), metrics)


def test_layers_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"layer 1 must be an object, got the class ReLU"):
        lm.Sequential([lm.Dense(3), lm.ReLU])
    with pytest.raises(ArgumentError, match=r"layer 0 must be a Layer such as Dense\(10\), got 30"):
        lm.Sequential([30])
    with pytest.raises(UsageError, match="at least one layer"):
        lm.Sequential([])


def test_a_layer_used_twice_is_refused() -> None:
    shared = lm.Dense(6)
    with pytest.raises(UsageError, match="layers 0 and 2 are the same Dense object"):
        lm.Sequential([shared, lm.ReLU(), shared])


PARTS: dict[str, Callable[[lm.Sequential], lm.Sequential]] = {
    "layer": lambda other: lm.Sequential(
        [other.layers[0], lm.BatchNorm(), lm.ReLU(), lm.Dense(3)], seed=1, backend="numpy"
    ).compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.01)),
    "loss": lambda other: lm.Sequential([lm.Dense(3)], seed=1, backend="numpy").compile(
        other.loss, lm.Adam(0.01)
    ),
    "optimizer": lambda other: lm.Sequential([lm.Dense(3)], seed=1, backend="numpy").compile(
        lm.SoftmaxCrossEntropy(), other.optimizer
    ),
    "metric": lambda other: lm.Sequential([lm.Dense(3)], seed=1, backend="numpy").compile(
        lm.SoftmaxCrossEntropy(), lm.Adam(0.01), other.metrics
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_shared_by_two_models_is_refused_and_the_first_is_unchanged(part: str) -> None:
    alone, model = classifier(), classifier()
    train(alone)
    train(model)
    before = snapshot(model)
    with pytest.raises(UsageError, match=r"already (belongs to|drives) another model.*make a new"):
        PARTS[part](model).fit(X, Y, epochs=1, verbose=False)
    np.testing.assert_equal(snapshot(model), before)
    train(model)
    train(alone)
    np.testing.assert_equal(snapshot(model), snapshot(alone))


# Files and folders


def test_a_file_of_another_kind_is_refused_by_both_readers(tmp_path: Path) -> None:
    model = classifier()
    train(model)
    model.save(tmp_path / "model")
    lm.datasets.write_idx(tmp_path / "array", np.arange(9, dtype="uint8"))
    with pytest.raises(FileFormatError, match="model is not an IDX file"):
        lm.datasets.read_idx(tmp_path / "model")
    with pytest.raises(FileFormatError, match="array is not a safetensors file"):
        lm.load(tmp_path / "array")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: lm.ModelCheckpoint(path, monitor="loss"),
        lambda path: lm.JSONLines(path / "log.jsonl"),
        lambda path: lm.CSV(path / "log.csv"),
    ],
    ids=["ModelCheckpoint", "JSONLines", "CSV"],
)
def test_a_read_only_folder_is_reported_before_training(
    make: Callable[[Path], lm.Callback], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    def wrong(model: lm.Sequential) -> None:
        model.fit(X, Y, callbacks=[make(tmp_path / "file" / "runs")], batch_size=11, verbose=False)

    expect_untouched(
        classifier, wrong, UsageError, ["cannot write to the folder", "file/runs", "Choose"]
    )


# cupy


@pytest.mark.skipif(not cupy_problem(), reason="cupy works here")
def test_missing_cupy_is_reported_with_a_diagnosis(tmp_path: Path) -> None:
    model = classifier()
    train(model)
    model.save(tmp_path / "m.safetensors")
    for call in (
        lambda: lm.get_backend("cupy"),
        lambda: lm.Sequential([lm.Dense(3)], backend="cupy"),
        lambda: lm.MLP(backend="cupy"),
        lambda: lm.load(tmp_path / "m.safetensors", backend="cupy"),
    ):
        with pytest.raises(BackendError, match=r'backend="cupy" cannot be used: ') as caught:
            call()
        assert cupy_problem() in str(caught.value)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(BackendError, match='must be "auto", "numpy" or "cupy", got \'torch\''):
        lm.Sequential([lm.Dense(3)], backend="torch")


@pytest.mark.skipif(not cupy_problem(), reason="cupy works here")
def test_auto_says_why_it_is_not_cupy() -> None:
    model = lm.Sequential([lm.Dense(3)])
    assert model.backend.name == "numpy"
    assert cupy_problem() in model.backend.reason
