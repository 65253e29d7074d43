"""MLP and SoftmaxClassifier: layers of their options, files, and wrong options."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError


def images(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 4 x 4 pixels in which the lit quadrant is the class."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, n)
    x = rng.integers(0, 60, (n, 4, 4)).astype(np.uint8)
    for picture, label in zip(x, y, strict=True):
        row, column = divmod(int(label), 2)
        picture[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] += 150
    return x, y


def names(model: lm.Sequential) -> list[str]:
    return [repr(layer).replace("units=", "").replace("rate=", "") for layer in model.layers]


def test_softmax_classifier_is_one_linear_layer() -> None:
    model = lm.SoftmaxClassifier()
    assert [type(layer).__name__ for layer in model.layers] == ["Flatten", "Dense"]
    assert model.layers[1].units == 10
    assert model.layers[1].init == "glorot_uniform"
    assert type(model.loss) is lm.SoftmaxCrossEntropy
    assert repr(model.optimizer) == repr(lm.Adam(2e-3))
    assert [metric.name for metric in model.metrics] == ["accuracy"]


def test_mlp_by_default_is_that_of_the_report() -> None:
    model = lm.MLP()
    assert [type(layer).__name__ for layer in model.layers] == [
        "Flatten",
        "Dense",
        "ReLU",
        "Dense",
        "ReLU",
        "Dense",
    ]
    assert [layer.units for layer in model.layers[1::2]] == [256, 30, 10]
    assert repr(model.optimizer) == "Adam(lr=0.0005)"
    assert model.build((28, 28)).store.count == 784 * 256 + 256 + 256 * 30 + 30 + 30 * 10 + 10


def test_batch_norm_stands_before_each_relu_and_takes_the_bias_place() -> None:
    model = lm.MLP([5, 4], batch_norm=True, classes=3)
    assert [type(layer).__name__ for layer in model.layers] == [
        "Flatten",
        "Dense",
        "BatchNorm",
        "ReLU",
        "Dense",
        "BatchNorm",
        "ReLU",
        "Dense",
    ]
    assert [layer.use_bias for layer in model.layers if isinstance(layer, lm.Dense)] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("dropout", "expected"),
    [
        (0.0, ["Flatten", "Dense", "ReLU", "Dense", "ReLU", "Dense"]),
        (0.25, ["Flatten", "Dense", "ReLU", 0.25, "Dense", "ReLU", 0.25, "Dense"]),
        ([0.1, 0.2, 0.3], ["Flatten", 0.1, "Dense", "ReLU", 0.2, "Dense", "ReLU", 0.3, "Dense"]),
        ((0, 0, 0.5), ["Flatten", "Dense", "ReLU", "Dense", "ReLU", 0.5, "Dense"]),
    ],
)
def test_dropout_follows_the_layers_it_is_given_for(dropout: Any, expected: list[Any]) -> None:
    layers = lm.MLP([5, 4], dropout=dropout).layers
    found = [
        layer.rate if isinstance(layer, lm.Dropout) else type(layer).__name__ for layer in layers
    ]
    assert found == expected


def test_l2_is_on_every_weight_and_no_bias() -> None:
    model = lm.MLP([5, 4], l2=0.01, batch_norm=True).build((6,))
    assert [p.name for p in model.regularized] == ["1.Dense.W", "4.Dense.W", "7.Dense.W"]
    assert {repr(p.regularizer) for p in model.regularized} == {"L2(rate=0.01)"}
    assert not lm.MLP([5, 4]).build((6,)).regularized
    assert len(lm.SoftmaxClassifier(l2=0.01).build((6,)).regularized) == 1


@pytest.mark.parametrize("make", [lm.MLP, lm.SoftmaxClassifier])
@pytest.mark.parametrize(
    ("loss", "kind", "last"),
    [
        ("cross-entropy", lm.SoftmaxCrossEntropy, lm.Dense),
        ("L2", lm.MeanSquaredError, lm.Softmax),
        ("L1", lm.MeanAbsoluteError, lm.Softmax),
        (lm.MeanSquaredError, lm.MeanSquaredError, lm.Softmax),
    ],
)
def test_the_loss_decides_whether_probabilities_are_given(
    make: Any, loss: Any, kind: type, last: type
) -> None:
    model = make(loss=loss if isinstance(loss, str) else loss())
    assert type(model.loss) is kind
    assert type(model.layers[-1]) is last


@pytest.mark.parametrize("loss", ["cross-entropy", "L2", "L1"])
@pytest.mark.parametrize("make", [lm.SoftmaxClassifier, lm.MLP])
def test_it_learns_with_every_loss(backend: Backend, make: Any, loss: str) -> None:
    x, y = images()
    options = {} if make is lm.SoftmaxClassifier else {"hidden": [16]}
    model = make(classes=4, loss=loss, optimizer=lm.Adam(0.02), seed=0, backend=backend, **options)
    history = model.fit(x, y, epochs=30, batch_size=16, verbose=False)
    assert history is model.history
    assert len(model.history) == 30
    assert model.evaluate(x, y)["accuracy"] > 0.9
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("loss", [None, "L1"])
def test_outputs_are_numbers_of_a_linear_layer(
    tmp_path: Path, outputs: int, loss: str | None
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = 3 * x[:, :outputs] - 5  # far from probabilities
    model = lm.MLP([16], outputs=outputs, loss=loss, optimizer=lm.Adam(0.02), seed=0)
    model.fit(x, y[:, 0] if outputs == 1 else y, epochs=40, batch_size=20, verbose=False)
    assert type(model.loss) is (lm.MeanAbsoluteError if loss else lm.MeanSquaredError)
    assert model.evaluate(x, y)["r2"] > 0.95
    assert model.predict(x).shape == (200, outputs)
    model.save(tmp_path / "model")
    again = lm.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.config()["outputs"] == outputs


def test_no_hidden_layers_are_softmax_regression() -> None:
    x, y = images()
    by_mlp = lm.MLP([], classes=4, optimizer=lm.SGD(0.1), seed=3, backend="numpy")
    plain = lm.SoftmaxClassifier(classes=4, optimizer=lm.SGD(0.1), seed=3, backend="numpy")
    for model in (by_mlp, plain):
        model.fit(x, y, epochs=2, verbose=False)
    np.testing.assert_equal(by_mlp.state_dict(), plain.state_dict())


def test_the_default_optimizer_is_not_shared() -> None:
    assert lm.MLP().optimizer is not lm.MLP().optimizer


@pytest.mark.parametrize(
    "make",
    [
        lambda: lm.SoftmaxClassifier(classes=4, l2=1e-3, seed=1, dtype="float64", backend="numpy"),
        lambda: lm.MLP(
            (7, 5),
            classes=4,
            loss="L2",
            optimizer=lm.Momentum(lm.CosineDecay(0.1, 9)),
            batch_norm=True,
            dropout=[0.0, 0.1, 0.2],
            l2=1e-3,
            seed=1,
            backend="numpy",
        ),
    ],
)
def test_a_saved_classifier_comes_back_as_one(make: Any, backend: Backend, tmp_path: Path) -> None:
    x, y = images()
    model = make()
    model.fit(x, y, epochs=2, verbose=False)
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    assert type(again) is type(model)
    assert repr(again) == repr(model)
    assert repr(again.optimizer) == repr(model.optimizer)
    assert names(again) == names(model)
    assert again.config().keys() == model.config().keys()
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    there = lm.load(tmp_path / "m.safetensors", backend=backend)
    np.testing.assert_allclose(there.predict(x), model.predict(x), rtol=1e-4, atol=1e-5)
    assert there.fit(x, y, epochs=1, verbose=False) is there.history


def test_a_classifier_compiled_with_another_loss_is_loaded_with_its_layers(tmp_path: Path) -> None:
    x, y = images()
    model = lm.MLP([5], classes=4, seed=1, backend="numpy")
    model.fit(x, y, epochs=1, verbose=False)
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1))
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    assert names(again) == names(model)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: lm.MLP(30), r"hidden must be a list of widths, such as \[30\]; got 30"),
        (lambda: lm.MLP(None), r"hidden must be a list of widths, such as \[30\]; got None"),
        (lambda: lm.MLP([30, 0]), "hidden must be a whole number of at least 1, got 0"),
        (lambda: lm.MLP([2.5]), "hidden must be a whole number of at least 1, got 2.5"),
        (lambda: lm.MLP(classes=1), "classes must be a whole number of at least 2, got 1"),
        (lambda: lm.SoftmaxClassifier(classes=1), "classes must be a whole number of at least 2"),
        (lambda: lm.MLP(outputs=0), "outputs must be a whole number of at least 1, got 0"),
        (lambda: lm.MLP(classes=3, outputs=1), "classes=3 for class labels or outputs=1"),
        (lambda: lm.MLP(outputs=2, loss="cross-entropy"), "use classes=2, or a loss such as Mean"),
        (lambda: lm.MLP(outputs=1, loss=lm.BinaryCrossEntropy()), "BinaryCrossEntropy compares"),
        (
            lambda: lm.MLP(loss="maximum"),
            "one of 'cross-entropy', 'L2', 'L1', got 'maximum'",
        ),
        (lambda: lm.MLP(loss=lm.SoftmaxCrossEntropy), "loss must be an object.*add ()"),
        (lambda: lm.MLP(loss=3), "loss must be .*got 3"),
        (lambda: lm.MLP(optimizer="adma"), "optimizer must be an Opt.*'adma': write Adam"),
        (lambda: lm.MLP(optimizer=""), "optimizer must be an Optimizer.*, got ''"),
        (lambda: lm.MLP([9, 9], dropout=[0.1]), r"dropout must be one number, or 3.*got \[0.1\]"),
        (lambda: lm.MLP([9], dropout=1.0), r"dropout must be in \[0, 1\), got 1.0"),
        (lambda: lm.MLP([9], dropout=[0.1, -0.5]), r"dropout must be in \[0, 1\), got -0.5"),
        (lambda: lm.MLP([9], dropout=True), "dropout must be a finite number, got True"),
        (lambda: lm.MLP(l2=-1), "(l2|rate) must be at least 0, got -1"),
        (lambda: lm.SoftmaxClassifier(l2="much"), "(l2|rate) must be a finite number, got 'much'"),
        (lambda: lm.MLP(dtype="float16"), "dtype must be one of 'float32', 'float64'"),
    ],
)
def test_wrong_options_are_refused_immediately(make: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        make()


def test_numbers_of_numpy_are_numbers() -> None:
    model = lm.MLP([np.int64(5)], dropout=np.float32(0.25), l2=np.float64(0.5), seed=1)
    assert repr(model.layers) == repr(lm.MLP([5], dropout=0.25, l2=0.5, seed=1).layers)


def changed_mlp() -> lm.MLP:
    model = lm.MLP([8], classes=3, dropout=0.1, l2=1e-3, seed=0, backend="numpy").build((6,))
    model.layers[3].rate = 0.6  # type: ignore[attr-defined]
    model.parameters[0].regularizer.rate = 0.5
    return model


@pytest.mark.parametrize("way", ["save", "deepcopy", "pickle"])
def test_changed_hyper_parameters_of_layers_are_kept(way: str, tmp_path: Path) -> None:
    model = changed_mlp()
    if way == "save":
        model.save(tmp_path / "m.safetensors")
        other = lm.load(tmp_path / "m.safetensors")
    else:
        other = copy.deepcopy(model) if way == "deepcopy" else pickle.loads(pickle.dumps(model))
    assert type(other) is lm.MLP
    assert other.layers[3].rate == 0.6
    assert other.parameters[0].regularizer.rate == 0.5
    assert other.parameters[2].regularizer.rate == 1e-3
    assert other.penalty() == model.penalty()


def test_changed_hyper_parameters_of_layers_belong_to_the_identity_of_a_training(
    tmp_path: Path,
) -> None:
    x, y = np.ones((30, 6), np.float32), np.arange(30) % 3
    options: Any = {"verbose": False, "check": False, "checkpoint": tmp_path}
    changed_mlp().fit(x, y, epochs=1, **options)
    changed_mlp().fit(x, y, epochs=2, **options)
    with pytest.raises(lm.errors.UsageError, match="different: layers"):
        lm.MLP([8], classes=3, dropout=0.1, l2=1e-3, seed=0).fit(x, y, epochs=2, **options)
