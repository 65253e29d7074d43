"""EarlyStopping and TerminateOnNaN: condition of an early end, and the state after it."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError, DivergenceWarning, UsageError
from lamella.training.callbacks.stopping import Best
from tests.data import clouds
from tests.networks import diverging_classifier, small_classifier


class Script(lm.Callback):
    """Puts given values into the logs, keeps the weights of every epoch, and may raise."""

    def __init__(self, values: list[float], error: BaseException | None = None) -> None:
        self.values, self.error = values, error
        self.states: list[dict[str, np.ndarray]] = []

    def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
        logs["score"] = self.values[len(self.states)]
        self.states.append(model.state_dict())

    def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
        if self.error is not None and len(self.states) == len(self.values):
            raise self.error


def run(
    values: list[float],
    stopping: lm.EarlyStopping,
    model: lm.Sequential | None = None,
    error: BaseException | None = None,
) -> tuple[lm.Sequential, Script]:
    """Train one epoch for each value (one more if there is an error to raise)."""
    model, script = model or small_classifier(), Script(values, error)
    epochs = len(values) + (error is not None)
    try:
        model.fit(*clouds(), epochs=epochs, callbacks=[script, stopping], verbose=False)
    except BaseException as raised:
        if raised is not error:
            raise
    return model, script


def test_training_ends_when_patience_does(backend: Backend) -> None:
    stopping = lm.EarlyStopping("score", mode="min", patience=2)
    model, script = run([3, 2, 2.5, 2.1, 1.0, 0.5], stopping, small_classifier(backend))
    assert len(script.states) == 4
    assert stopping.best_epoch == 2
    np.testing.assert_equal(model.state_dict(), script.states[1])
    assert model.stop_reason == model.history.stop_reason
    assert model.stop_reason == "score has not improved for 2 epochs: best 2 in epoch 2"


SCORES = [5, 4, 4.1, 4.05, 3.9, 3.95, 3.96, 3.97, 3.0, 3.1, 3.2, 3.3, 3.4, 3.5]
# Options, epochs trained and best epoch of keras.callbacks.EarlyStopping, Keras 3.15.1, with
# restore_best_weights=True.
KERAS: list[tuple[dict[str, Any], int, int]] = [
    ({"patience": 3}, 8, 5),
    ({"patience": 2}, 4, 2),
    ({"patience": 3, "baseline": 4.5}, 8, 5),
    ({"patience": 3, "baseline": 3.5}, 3, 2),
    ({"patience": 5, "baseline": 3.5}, 6, 5),
    ({"patience": 2, "start_from_epoch": 4}, 7, 5),
    ({"patience": 1, "start_from_epoch": 2}, 6, 5),
    ({"patience": 2, "min_delta": 0.5}, 4, 2),
    ({"patience": 2, "baseline": 3.95, "start_from_epoch": 3}, 7, 5),
    ({"patience": 4, "baseline": 4.0, "min_delta": 0.2}, 4, 2),
]


@pytest.mark.parametrize(("options", "epochs", "best"), KERAS, ids=[str(k[0]) for k in KERAS])
def test_training_ends_where_it_ends_in_keras(
    options: dict[str, Any], epochs: int, best: int
) -> None:
    stopping = lm.EarlyStopping("score", mode="min", **options)
    model, script = run(SCORES, stopping)
    assert (len(script.states), stopping.best_epoch) == (epochs, best)
    np.testing.assert_equal(model.state_dict(), script.states[best - 1])


def test_a_second_fit_skips_its_own_first_epochs() -> None:
    stopping = lm.EarlyStopping("score", patience=1, mode="min", start_from_epoch=2)
    model, _ = run([3, 2, 1], stopping)
    _, script = run([1, 0.5, 4, 5, 6], stopping, model)
    assert (len(script.states), stopping.best_epoch) == (4, 6)


def test_the_reason_names_the_baseline() -> None:
    model, _ = run([3, 2.5, 2.6], lm.EarlyStopping("score", patience=3, mode="min", baseline=1))
    assert model.stop_reason == (
        "score has not improved beyond the baseline 1 for 3 epochs: best 2.5 in epoch 2"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"baseline": "1"}, "baseline must be a finite number"),
        ({"baseline": math.nan}, "baseline must be a finite number"),
        ({"start_from_epoch": -1}, "start_from_epoch must be a whole number of at least 0"),
    ],
)
def test_bad_baselines_and_starts_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        lm.EarlyStopping("score", **options)


def test_patience_counts_epochs_since_the_best_one() -> None:
    _, script = run([3, 4, 2, 4, 4, 4, 4], lm.EarlyStopping("score", mode="min", patience=3))
    assert len(script.states) == 6


def test_the_best_weights_are_restored_at_the_end_of_the_epochs(backend: Backend) -> None:
    stopping = lm.EarlyStopping("score", mode="min", patience=10)
    model, script = run([3, 1, 2, 2], stopping, small_classifier(backend))
    assert model.stop_reason == ""
    assert stopping.best_epoch == 2
    np.testing.assert_equal(model.state_dict(), script.states[1])
    assert np.abs(script.states[3]["0.Dense.W"] - script.states[1]["0.Dense.W"]).max() > 0


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("power cut")])
def test_the_best_weights_are_restored_after_an_error(error: BaseException) -> None:
    model, script = run([3, 1, 2], lm.EarlyStopping("score", mode="min"), error=error)
    np.testing.assert_equal(model.state_dict(), script.states[1])
    assert model.epochs_done == 3


def test_running_means_are_restored_with_the_weights() -> None:
    model, script = run([1, 2, 2], lm.EarlyStopping("score", mode="min"))
    np.testing.assert_array_equal(
        model.layers[1].running_mean.value, script.states[0]["1.BatchNorm.running_mean"]
    )


def test_restored_weights_are_still_views_of_the_models_vector() -> None:
    model, _ = run([1, 2], lm.EarlyStopping("score", mode="min"))
    model.store.values[...] = 3.0
    assert (model.layers[0].W.value == 3).all()


def test_an_improvement_must_exceed_min_delta() -> None:
    values = [1.0, 0.95, 0.91, 0.87]
    stopping = lm.EarlyStopping("score", mode="min", patience=2, min_delta=0.1)
    _, script = run(values, stopping)
    assert stopping.best_epoch == 1
    assert len(script.states) == 3
    stopping = lm.EarlyStopping("score", mode="min", patience=2, min_delta=0.01)
    run(values, stopping)
    assert stopping.best_epoch == 4


class F1(lm.Metric):
    """A metric that says that higher is better."""

    name = "f1"
    higher_is_better = True

    def score(self, pred: Any, target: Any) -> Any:
        return pred[:, 0]


@pytest.mark.parametrize(
    ("monitor", "mode", "best"),
    [
        ("score", "min", 2),
        ("score", "max", 3),
        ("accuracy", "auto", 3),
        ("val_accuracy", "auto", 3),
        ("val_accuracy", "min", 2),
        ("val_loss", "auto", 2),
        ("val_f1", "auto", 3),
        ("val_r2", "auto", 3),
        ("val_rmse", "auto", 2),
        ("seconds", "auto", 2),
    ],
)
def test_mode_or_metric_decides_whether_more_is_better(monitor: str, mode: str, best: int) -> None:
    model = small_classifier()
    model.compile(model.loss, model.optimizer, ["accuracy", F1()])
    model.validates = True
    remembers = Best(model, monitor, mode)
    found = [i for i, v in enumerate([2, 1, 3], 1) if remembers.improves({monitor: v})][-1]
    assert found == best


@pytest.mark.parametrize("make", [lm.EarlyStopping, partial(lm.ModelCheckpoint, "unused")])
def test_a_direction_that_is_not_known_is_asked_for_before_training(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = small_classifier()
    for name in ("score", "own_accuracy", "val_f2"):
        text = f"mode=\"max\": it is not known whether a higher '{name.removeprefix('val_')}'"
        with pytest.raises(ArgumentError, match=text):
            model.fit(*clouds(), callbacks=[make(monitor=name)], verbose=False)
    silent = F1()
    silent.higher_is_better = None
    model.compile(model.loss, model.optimizer, [silent])
    with pytest.raises(ArgumentError, match=r"mode=.*: set higher_is_better in the class F1"):
        model.fit(*clouds(), callbacks=[make(monitor="f1")], verbose=False)
    assert model.epochs_done == 0
    assert list(tmp_path.iterdir()) == []


def test_a_metric_where_higher_is_better_keeps_its_best_epoch() -> None:
    class Rising(lm.Metric):
        name, higher_is_better = "rising", True

        def score(self, pred: Any, target: Any) -> Any:
            self.calls = getattr(self, "calls", 0) + 1
            return pred[:, 0] * 0 + self.calls

    model = small_classifier()
    model.compile(model.loss, model.optimizer, [Rising()])
    stopping = lm.EarlyStopping("val_rising", patience=2)
    model.fit(*clouds(), epochs=5, validation_split=0.25, callbacks=[stopping], verbose=False)
    assert stopping.best_epoch == 5
    assert model.stop_reason == ""


@pytest.mark.parametrize("value", [None, "high", [1, 2]])
def test_monitored_text_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="'score' is no number to monitor: the epoch logged"):
        run([value], lm.EarlyStopping("score", mode="min"))


def test_a_score_that_is_equal_is_no_improvement() -> None:
    stopping = lm.EarlyStopping("score", mode="min")
    run([1, 1, 1], stopping)
    assert stopping.best_epoch == 1


def test_nan_is_never_best() -> None:
    stopping = lm.EarlyStopping("score", mode="min", patience=3)
    run([math.nan, 2, math.nan, 1, math.nan], stopping)
    assert stopping.best_epoch == 4


def test_only_nan_ends_training_with_a_reason() -> None:
    model, script = run([math.nan] * 5, lm.EarlyStopping("score", mode="min", patience=2))
    assert len(script.states) == 2
    assert "score has not improved for 2 epochs" in model.stop_reason


def test_a_second_fit_starts_its_own_count() -> None:
    stopping = lm.EarlyStopping("score", mode="min", patience=2)
    model, _ = run([1, 2, 2], stopping)
    _, script = run([math.nan, 5, 6, 4], stopping, model)
    assert len(script.states) == 4
    assert stopping.best_epoch == 7
    np.testing.assert_equal(model.state_dict(), script.states[3])


def test_it_stops_on_a_real_validation_score() -> None:
    x, y = clouds(30)
    rng = np.random.default_rng(0)
    model = small_classifier(lr=0.1)
    stopping = lm.EarlyStopping(patience=3)
    history = model.fit(
        x,
        y,
        epochs=60,
        validation_data=(rng.standard_normal((30, 6)), rng.integers(0, 3, 30)),
        callbacks=[stopping],
        verbose=False,
    )
    assert len(history) == stopping.best_epoch + 3 < 60
    assert stopping.best_epoch == int(np.argmin(history["val_loss"])) + 1


def test_missing_validation_is_reported_before_anything_is_trained() -> None:
    model = small_classifier()
    with pytest.raises(UsageError, match=r"no 'val_loss' to monitor: give fit validation_data"):
        model.fit(*clouds(), callbacks=[lm.EarlyStopping()], verbose=False)
    assert model.optimizer.t == model.epochs_done == 0


def test_a_monitor_that_is_not_there_lists_the_logged_names() -> None:
    with pytest.raises(
        UsageError,
        match=r"no 'lose' to monitor; the epoch logged epoch, loss, .*: did you mean 'loss'\?",
    ):
        run([1.0], lm.EarlyStopping("lose", mode="min"))
    with pytest.raises(ArgumentError, match=r"a higher 'lose' is better: did you mean 'loss'\?"):
        run([1.0], lm.EarlyStopping("lose"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"patience": 0}, "patience must be a whole number of at least 1, got 0"),
        ({"patience": 1.5}, "patience must be a whole number of at least 1, got 1.5"),
        ({"mode": "best"}, "mode must be one of 'auto', 'min', 'max'; got 'best'"),
        ({"min_delta": -0.1}, "min_delta must be .*at least 0, got -0.1|min_delta must be in"),
        ({"min_delta": "small"}, "min_delta must be a finite number, got 'small'"),
    ],
)
def test_wrong_options_are_reported_immediately(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        lm.EarlyStopping(**options)


# TerminateOnNaN


def test_the_first_loss_that_is_not_finite_ends_training(backend: Backend) -> None:
    model = diverging_classifier(backend)
    with (
        np.errstate(all="ignore"),
        pytest.warns(DivergenceWarning, match=r"epoch 1, batch 2 \(step 2\)"),
    ):
        history = model.fit(
            *clouds(40),
            epochs=5,
            batch_size=16,
            callbacks=[lm.TerminateOnNaN()],
            verbose=False,
        )
    assert len(history) == 1
    assert len(history.steps) == 2
    assert math.isfinite(history.steps[0])
    assert not math.isfinite(history.steps[1])
    assert model.optimizer.t == 2


def test_the_layer_where_it_began_is_named(backend: Backend) -> None:
    class Explode(lm.Callback):
        """Sets a weight of the last layer to infinity after the third batch."""

        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            if model.optimizer.t == 3:
                model.layers[4].W.value = math.inf

    model = small_classifier(backend)
    with (
        np.errstate(all="ignore"),
        pytest.warns(DivergenceWarning, match=r"\(step 4\): it began in .* layer 4 Dense\(units=3"),
    ):
        model.fit(
            *clouds(40),
            batch_size=16,
            callbacks=[Explode(), lm.TerminateOnNaN()],
            verbose=False,
        )
    assert "epoch 2, batch 1" in model.stop_reason
    assert "smaller learning rate" in model.stop_reason


def test_the_loss_is_named_if_all_layers_were_finite(backend: Backend) -> None:
    class Overflowing(lm.MeanSquaredError):
        def forward(self, pred: Any, target: Any) -> Any:
            return super().forward(pred, target) + math.inf

    model = lm.Sequential([lm.Dense(3)], seed=0, backend=backend)
    model.compile(Overflowing(), lm.SGD(0.1))
    with pytest.warns(DivergenceWarning, match="it began in the loss"):
        model.fit(*clouds(), callbacks=[lm.TerminateOnNaN()], verbose=False)


def test_finite_training_is_left_alone(backend: Backend) -> None:
    watched, alone = small_classifier(backend), small_classifier(backend)
    watched.fit(*clouds(), epochs=2, callbacks=[lm.TerminateOnNaN()], verbose=False)
    alone.fit(*clouds(), epochs=2, verbose=False)
    assert watched.stop_reason == ""
    np.testing.assert_equal(watched.state_dict(), alone.state_dict())


def test_diverged_training_is_undone_by_early_stopping() -> None:
    class Explode(lm.Callback):
        def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
            if epoch == 2:
                model.layers[4].W.value = math.nan

    model = small_classifier(lr=0.05)
    callbacks = [lm.TerminateOnNaN(), lm.EarlyStopping("loss"), Explode()]
    with np.errstate(all="ignore"), pytest.warns(DivergenceWarning, match="layer 4"):
        model.fit(*clouds(), callbacks=callbacks, verbose=False)
    assert all(np.isfinite(array).all() for array in model.state_dict().values())
    assert model.evaluate(*clouds())["loss"] < model.history["loss"][0]
