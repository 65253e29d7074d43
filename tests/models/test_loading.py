"""Loaded models: the same bits after a round trip, with all parts."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import FileFormatError
from tests.networks import Gain, halves


def samples(n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.standard_normal((n, 2, 3)).astype("float32"), rng.integers(0, 3, n)


def every_layer(backend: Backend | str = "numpy", **options: Any) -> lm.Sequential:
    """A trained model with each layer lamella has."""
    layers = [
        lm.Flatten(),
        lm.Dense(8, use_bias=False, init="glorot_normal", regularizer=lm.L1L2(1e-4, 1e-3)),
        lm.BatchNorm(0.8, eps=1e-4),
        lm.LeakyReLU(0.1),
        lm.Dropout(0.1),
        lm.Dense(6, regularizer=lm.L2(1e-3)),
        lm.Tanh(),
        lm.Dense(5, max_norm=0.5),
        lm.ReLU(),
        lm.LayerNorm(eps=1e-4),
        lm.ELU(0.3),
        lm.GELU(),
        lm.SiLU(),
        lm.Softplus(),
        lm.Dense(4, regularizer=lm.L1(1e-4)),
        lm.Sigmoid(),
        lm.Dense(3),
        lm.Softmax(),
    ]
    model = lm.Sequential(layers, seed=1, backend=backend, **options)
    schedule = lm.Warmup(lm.StepDecay(0.01, every=3, factor=0.5), epochs=2, start=0.2)
    model.compile(
        lm.MeanSquaredError(), lm.AdamW(schedule, weight_decay=0.02, clip_norm=5.0), ["accuracy"]
    )
    model.fit(*samples(), epochs=2, batch_size=8, verbose=False)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_with_every_layer_comes_back_bit_for_bit(
    backend: Backend, dtype: str, tmp_path: Path
) -> None:
    x, y = samples()
    model = every_layer(backend, dtype=dtype)
    used = {type(layer) for layer in model.layers}
    assert used == {getattr(lm, name) for name in lm.layers.__all__} - {lm.Activation, lm.Layer}
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend=backend)
    np.testing.assert_equal(again.state_dict(), model.state_dict())
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.evaluate(x, y) == model.evaluate(x, y)
    assert repr(again) == repr(model)
    assert (again.seed, again.dtype, again.in_shape) == (model.seed, model.dtype, model.in_shape)


def test_loss_optimizer_schedule_and_metrics_come_back(tmp_path: Path) -> None:
    model = every_layer()
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    assert type(again.loss) is lm.MeanSquaredError
    assert repr(again.optimizer) == repr(model.optimizer)
    assert "Warmup" in repr(again.optimizer)
    assert "clip_norm=5.0" in repr(again.optimizer)
    assert [again.optimizer.lr(t) for t in (0, 1, 4)] == [model.optimizer.lr(t) for t in (0, 1, 4)]
    assert [metric.name for metric in again.metrics] == ["accuracy"]
    assert [repr(p.regularizer) for p in again.regularized] == [
        repr(p.regularizer) for p in model.regularized
    ]


@pytest.mark.parametrize(
    "schedule",
    [
        lm.StepDecay(0.1, 2),
        lm.ExponentialDecay(0.1, 0.9),
        lm.InverseDecay(0.1, 0.5),
        lm.CosineDecay(0.1, 7, floor=0.01),
        lm.CosineDecayRestarts(0.1, 3, factor=2, floor=0.01),
        lm.InverseTimeDecay(0.1, 0.5),
        lm.LinearDecay(0.1, 7, floor=0.01),
        lm.PiecewiseConstant([2, 5], [0.1, 0.01, 0.02]),
        lm.Warmup(lm.LinearDecay(0.1, 4), 3, delay=True),
        lm.Warmup(0.1, 3),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
@pytest.mark.parametrize(
    "optimizer", [lm.SGD, lm.Momentum, lm.Adam, lm.AdamW, lm.NAdam, lm.AdaGrad, lm.RMSProp, lm.Lion]
)
def test_every_optimizer_and_schedule_can_be_saved(
    optimizer: Any, schedule: lm.Schedule, tmp_path: Path
) -> None:
    model = lm.Sequential([lm.Dense(1), lm.Sigmoid()], seed=0, backend="numpy")
    model.compile(lm.BinaryCrossEntropy(), optimizer(schedule), in_shape=(2,))
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors")
    assert type(again.optimizer) is optimizer
    assert [again.optimizer.lr(t) for t in range(9)] == [schedule(t) for t in range(9)]


def test_a_loaded_model_trains_as_a_newly_compiled_one(tmp_path: Path) -> None:
    model = lm.Sequential([lm.Flatten(), lm.Dense(4), lm.Tanh(), lm.Dense(3)], seed=1)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(0.1))
    model.fit(*samples(), epochs=2, verbose=False)
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend=model.backend)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Momentum(0.1))
    for one in (model, again):
        one.fit(*samples(), epochs=1, shuffle=False, verbose=False)
    np.testing.assert_equal(again.state_dict(), model.state_dict())
    again.store.values[...] = 2.0
    assert (again.layers[1].W.value == 2).all()


def scheduled(dropout: float = 0.3) -> lm.Sequential:
    layers = [lm.Flatten(), lm.Dense(4), lm.Tanh(), lm.Dropout(dropout), lm.Dense(3)]
    model = lm.Sequential(layers, seed=1, backend="numpy")
    rate = lm.StepDecay(0.01, every=2, factor=0.1)
    return model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(rate), in_shape=(2, 3))


def trained_on(model: lm.Sequential, epochs: int) -> lm.Sequential:
    model.fit(*samples(), epochs=epochs, batch_size=8, verbose=False)
    return model


@pytest.mark.parametrize("how", ["file", "pickle"])
def test_a_loaded_model_continues_its_training(how: str, tmp_path: Path) -> None:
    """The rate of 1e-4 in epoch 5 stays 1e-4, and SGD, which has no moments, has the same bits."""
    whole = trained_on(scheduled(), 6)
    model = trained_on(scheduled(), 4)
    if how == "file":
        model.save(tmp_path / "m.safetensors")
        again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    else:
        again = pickle.loads(pickle.dumps(model))
    assert again.optimizer.learning_rate == pytest.approx(1e-3)
    trained_on(again, 2)
    assert again.history["learning_rate"] == pytest.approx([1e-4, 1e-4])
    assert again.history["epoch"] == [5, 6]
    np.testing.assert_equal(again.state_dict(), whole.state_dict())


def test_a_loaded_model_that_is_compiled_begins_its_schedule_anew(tmp_path: Path) -> None:
    trained_on(scheduled(), 4).save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    again.compile(again.loss, again.optimizer)
    assert trained_on(again, 1).history["learning_rate"] == [0.01]


@pytest.mark.parametrize("how", ["file", "pickle"])
def test_a_loop_of_ones_own_continues_in_the_schedule(how: str, tmp_path: Path) -> None:
    """In a loop of train_step each step counts as an epoch; after a fit, as a step of its last."""
    for epochs in (0, 3):
        rates = []
        for saved in (False, True):
            model = scheduled()
            model = trained_on(model, epochs) if epochs else model
            for step in range(10):
                if saved and step == 3:
                    model.save(tmp_path / "m.safetensors")
                    model = (
                        lm.load(tmp_path / "m.safetensors", backend="numpy")
                        if how == "file"
                        else pickle.loads(pickle.dumps(model))
                    )
                model.train_step(*samples())
                rates.append(model.optimizer.learning_rate)
        assert rates[:10] == rates[10:]
        assert len(set(rates)) > 1


def test_a_model_without_a_loss_can_be_saved_and_predicts(tmp_path: Path) -> None:
    x, _ = samples()
    model = lm.Sequential([lm.Flatten(), lm.Dense(3)], seed=1, backend="numpy").build((2, 3))
    model.save(tmp_path / "m.safetensors")
    again = lm.load(tmp_path / "m.safetensors", backend="numpy")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert not again.compiled


def test_paths_and_strings_with_any_suffix_are_accepted(tmp_path: Path) -> None:
    model = lm.Sequential([lm.Dense(3)], seed=1, backend="numpy").build((2,))
    for path in (tmp_path / "model", str(tmp_path / "m.bin"), tmp_path / "m d.safetensors"):
        model.save(path)
        np.testing.assert_equal(lm.load(path).state_dict(), model.state_dict())


def own_parts(tmp_path: Path) -> tuple[lm.Sequential, Path]:
    model = lm.Sequential(
        [lm.Flatten(), Gain(2.0), lm.Dense(3, init=halves)], seed=1, backend="numpy"
    )
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.1))
    model.fit(*samples(), epochs=1, verbose=False)
    model.save(tmp_path / "own.safetensors")
    return model, tmp_path / "own.safetensors"


def test_custom_layers_and_functions_are_loaded_if_they_are_passed(tmp_path: Path) -> None:
    model, path = own_parts(tmp_path)
    again = lm.load(path, custom_layers=[Gain, halves], backend="numpy")
    assert type(again.layers[1]) is Gain
    assert again.layers[1].factor == 2.0
    assert again.layers[2].init is halves
    np.testing.assert_array_equal(again.predict(samples()[0]), model.predict(samples()[0]))


@pytest.mark.parametrize(
    "given", [{"Gain": Gain, "halves": halves}, (part for part in (Gain, halves)), {Gain, halves}]
)
def test_custom_parts_come_in_any_collection(given: Any, tmp_path: Path) -> None:
    _, path = own_parts(tmp_path)
    assert type(lm.load(path, custom_layers=given, backend="numpy").layers[1]) is Gain


def test_a_single_custom_part_needs_no_list(tmp_path: Path) -> None:
    model = lm.Sequential([Gain(2.0)], backend="numpy").build((3,))
    model.save(tmp_path / "m.safetensors")
    for given in (Gain, {"Gain": Gain}):
        again = lm.load(tmp_path / "m.safetensors", custom_layers=given)
        assert again.layers[0].factor == 2.0


@pytest.mark.parametrize("given", [None, [Gain()], "Gain", {"Gain": 3}, {1: Gain}, 3])
def test_custom_layers_are_classes_or_functions(given: Any, tmp_path: Path) -> None:
    _, path = own_parts(tmp_path)
    with pytest.raises(lm.errors.ArgumentError, match="custom_layers must be classes or functions"):
        lm.load(path, custom_layers=given)


def test_custom_parts_that_are_not_passed_are_named(tmp_path: Path) -> None:
    _, path = own_parts(tmp_path)
    with pytest.raises(FileFormatError, match=r"'Gain'.*lm.load\(path, custom_layers=\[Gain\]\)"):
        lm.load(path)
    with pytest.raises(FileFormatError, match=r"'halves'.*custom_layers"):
        lm.load(path, custom_layers=[Gain])


def test_a_missing_file_is_reported_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        lm.load(tmp_path / "nowhere.safetensors")


def test_a_folder_stands_for_the_model_in_it(tmp_path: Path) -> None:
    for seed, name in enumerate(("best", "model")):
        lm.SoftmaxClassifier(classes=3, seed=seed).build((2,)).save(
            tmp_path / f"{name}.safetensors"
        )
        assert lm.load(tmp_path).seed == seed  # the only one; then the one of that name
    (tmp_path / "model.safetensors").rename(tmp_path / "last.safetensors")
    with pytest.raises(FileFormatError, match=r"several models: name one of best\.\w+, last\."):
        lm.load(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="holds no model"):
        lm.load(tmp_path)
