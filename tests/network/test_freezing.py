"""Freezing layers: what stays, what moves on, what is no longer computed, and what is saved."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import UsageError
from tests.training.checkpoints.interrupting import Interrupt, Interruption


class Shift(lm.Layer):
    """A layer of one's own, without an argument for it."""

    def build(self, in_shape: Any) -> Any:
        self.shift = self.add_param("shift", in_shape)
        return in_shape

    def forward(self, x: Any, training: bool) -> Any:
        return x + self.shift.value

    def backward(self, dy: Any) -> Any:
        self.shift.grad = dy.sum(axis=0)
        return dy


def samples(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y = np.arange(n) % 3
    return (rng.standard_normal((n, 6)) + 2 * np.eye(3, 6)[y]).astype("float32"), y


def made(
    backend: Backend | str = "numpy", optimizer: lm.Optimizer | None = None, **first: Any
) -> lm.Sequential:
    layers = [lm.Dense(8, **first), Shift(), lm.BatchNorm(), lm.Tanh(), lm.Dense(3)]
    model = lm.Sequential(layers, seed=1, backend=backend)
    return model.compile(lm.SoftmaxCrossEntropy(), optimizer or lm.AdamW(0.01), in_shape=(6,))


def moved(model: lm.Sequential, steps: int = 3) -> set[int]:
    """Train some steps; return the layers whose parameters or states have changed."""
    before = model.state_dict()
    for _ in range(steps):
        model.train_step(*samples())
    after = model.state_dict()
    changed = [name for name in before if before[name].tobytes() != after[name].tobytes()]
    return {int(name.split(".")[0]) for name in changed}


@pytest.mark.parametrize("frozen", [0, 1, 2, 4])
def test_a_frozen_layer_stays_and_the_others_move(backend: Backend, frozen: int) -> None:
    model = made(backend)
    assert moved(model) == {0, 1, 2, 4}
    model.layers[frozen].trainable = False
    assert moved(model) == {0, 1, 2, 4} - {frozen}
    model.layers[frozen].trainable = True
    assert moved(model) == {0, 1, 2, 4}


def test_a_layer_may_be_frozen_from_the_beginning(backend: Backend) -> None:
    assert moved(made(backend, trainable=False)) == {1, 2, 4}


def test_replayed_steps_follow_and_have_the_bits_of_a_model_that_never_replayed() -> None:
    ends = []
    for replays in (True, False):
        model = made()
        for step in range(24):
            model.layers[1].trainable = step % 10 < 6
            model.layers[0].trainable = step % 7 > 2
            if not replays:
                model.forward(samples()[0])  # another pass between two steps ends a replay
            model.train_step(*samples())
        ends.append({**model.state_dict(), **model.optimizer.state_dict()})
    for name, array in ends[0].items():
        assert array.tobytes() == ends[1][name].tobytes(), name


def test_moments_stay_and_tiny_weights_are_not_set_to_zero() -> None:
    model = made()
    moved(model)
    W = model.layers[0].W
    W.value[0, 0] = 1e-30
    model.layers[0].trainable = False
    span = next(span for parameter, span in model.store.spans if parameter is W)
    before = {name: vector[span].copy() for name, vector in model.optimizer.state.items()}
    moved(model, steps=40)
    for name, vector in model.optimizer.state.items():
        np.testing.assert_array_equal(vector[span], before[name])
    assert W.value[0, 0] == np.float32(1e-30)
    model.layers[0].trainable = True
    moved(model, steps=1)
    assert model.optimizer.state_dict()["steps"].tolist() == [4, 44, 4, 44, 44, 44, 44]


def test_the_norm_of_gradients_is_that_of_trained_layers(backend: Backend) -> None:
    """A step of SGD has the length lr clip_norm, whatever the gradients of frozen layers are."""
    model = made(backend, lm.SGD(1.0, clip_norm=0.01))
    model.layers[2].trainable = model.layers[4].trainable = False
    model.layers[4].W.value *= 30
    before = backend.to_host(model.store.values).astype(float).copy()
    model.train_step(*samples())
    length = np.linalg.norm(backend.to_host(model.store.values) - before)
    np.testing.assert_allclose(length, 0.01, rtol=1e-2)


def test_nothing_is_computed_before_the_first_trained_layer() -> None:
    model = made()
    for layer in model.layers[:2]:
        layer.trainable = False
    assert [layer.needs_dx for layer in model.layers] == [False, False, False, True, True]
    model.layers[0].backward = None  # not called
    moved(model)


def test_penalties_of_frozen_layers_are_counted_and_not_applied() -> None:
    model = made(regularizer=lm.L2(0.5))
    penalty = model.penalty()
    model.layers[0].trainable = False
    model.layers[4].trainable = False
    moved(model)
    assert model.penalty() == penalty > 0


def test_a_frozen_batch_norm_is_the_function_it_is_in_evaluation() -> None:
    model = made()
    moved(model)
    model.layers[2].trainable = False
    x, y = samples()
    np.testing.assert_array_equal(model.forward(x, training=True).copy(), model.forward(x))
    model.train_step(x[:1], y[:1])  # of one sample there is no variance


def test_without_frozen_layers_a_step_updates_all_parameters_at_once() -> None:
    for optimizer, calls in ((lm.Adam(0.01), 1), (lm.AdamW(0.01), 2)):
        model = made(optimizer=optimizer)
        assert len(model.optimizer._updates) == calls
        model.layers[1].trainable = False
        model.layers[1].trainable = True
        assert len(model.optimizer._updates) == calls
        assert "steps" not in model.optimizer.state_dict()


@pytest.mark.parametrize("how", ["file", "pickle"])
def test_frozen_layers_come_back_frozen(how: str, tmp_path: Path) -> None:
    model = made(trainable=False)
    model.layers[1].trainable = False
    moved(model)
    if how == "file":
        model.save(tmp_path / "m.safetensors")
        again = lm.load(tmp_path / "m.safetensors", custom_layers=[Shift], backend="numpy")
    else:
        again = pickle.loads(pickle.dumps(model))
    assert [layer.trainable for layer in again.layers] == [False, False, True, True, True]
    assert "trainable=False" in repr(again.layers[0])
    assert moved(again) == {2, 4}
    again.layers[0].trainable = True
    assert moved(again) == {0, 2, 4}


def test_layers_of_a_predefined_model_come_back_frozen(tmp_path: Path) -> None:
    model = lm.MLP([8], classes=3, seed=1, backend="numpy")
    model.layers[1].trainable = False
    model.fit(*samples(), epochs=1, verbose=False)
    model.save(tmp_path / "m.safetensors")
    assert moved(lm.load(tmp_path / "m.safetensors", backend="numpy")) == {3}


class Thaw(lm.Callback):
    """Train more and more layers, from the last to the first."""

    def on_epoch_begin(self, model: Any, epoch: int) -> None:
        for i, layer in enumerate(model.layers):
            layer.trainable = i >= 4 - 2 * epoch


@pytest.mark.parametrize("after", [3, 5, 9, 11])
def test_a_resumed_training_thaws_with_the_same_bits(tmp_path: Path, after: int) -> None:
    options: dict[str, Any] = {"epochs": 4, "batch_size": 16, "verbose": False}

    def fit(callback: Interrupt, **more: Any) -> lm.Sequential:
        model = made(optimizer=lm.Adam(0.01))
        model.fit(*samples(), callbacks=[Thaw(), callback], **options, **more)
        return model

    whole = fit(Interrupt(-1))
    resume = lm.ResumeFolder(tmp_path, seconds=0)
    with pytest.raises(Interruption):
        fit(Interrupt(after), checkpoint=resume)
    again = fit(Interrupt(-1), checkpoint=resume)
    for one, other in (
        (whole.state_dict(), again.state_dict()),
        (whole.optimizer.state_dict(), again.optimizer.state_dict()),
    ):
        np.testing.assert_equal(other, one)
    assert [layer.trainable for layer in again.layers] == [True] * 5


def test_checkpoints_of_a_training_with_other_frozen_layers_are_refused(tmp_path: Path) -> None:
    options: dict[str, Any] = {"epochs": 1, "verbose": False, "checkpoint": tmp_path}
    made().fit(*samples(), **options)
    model = made()
    model.layers[1].trainable = False
    with pytest.raises(UsageError, match="different: frozen layers"):
        model.fit(*samples(), **options)


def test_a_model_with_nothing_to_train_is_refused() -> None:
    model = lm.Sequential([lm.Dense(3, trainable=False), lm.ReLU()], seed=1)
    model.compile(lm.MeanSquaredError(), lm.SGD(0.1, clip_norm=1.0), in_shape=(6,))
    with pytest.raises(UsageError, match=r"nothing to train.*layer\.trainable = True"):
        model.fit(*samples(), verbose=False, check=False)


def test_the_summary_counts_frozen_parameters() -> None:
    model = made()
    model.layers[0].trainable = False
    assert "107 parameters (56 frozen), input (6,)" in model.summary()


def test_the_doctor_does_not_miss_the_gradient_of_frozen_layers() -> None:
    model = made()
    model.layers[0].trainable = False
    report = model.doctor(*samples(), steps=100)
    assert report.layers[0].gradient is None
    assert "no gradient" not in [finding.name for finding in report.findings]


def test_words_that_are_no_truth_value_and_single_parameters_are_refused() -> None:
    model = made()
    with pytest.raises(lm.LamellaError, match="trainable must be a bool"):
        model.layers[0].trainable = "no"  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        model.layers[0].W.trainable = False
