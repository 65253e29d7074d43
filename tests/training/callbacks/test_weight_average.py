"""WeightAverage: the average of torch, where it is evaluated, and interrupted trainings."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError, UsageError
from tests.data import clouds
from tests.networks import bits_of, small_classifier
from tests.training.checkpoints.interrupting import BATCHES, finished, interrupted, made


class Diary(lm.Callback):
    """Keeps the weights after each step, before those of an epoch's end are exchanged."""

    def __init__(self, stop_after: int = -1) -> None:
        self.steps: list[np.ndarray] = []
        self.ends: list[np.ndarray] = []
        self.starts: list[np.ndarray] = []
        self.stop_after = stop_after

    def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
        self.starts.append(weights(model))

    def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
        self.steps.append(weights(model))
        if len(self.steps) == self.stop_after:
            model.stop("enough")

    def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
        self.ends.append(weights(model))


def weights(model: lm.Sequential) -> np.ndarray:
    return np.array(model.backend.to_host(model.built().values))


def average(steps: list[np.ndarray], decay: float) -> np.ndarray:
    found = steps[0].astype(float)
    for step in steps[1:]:
        found = decay * found + (1 - decay) * step
    return found


def fitted(model: lm.Sequential, *callbacks: lm.Callback, **options: Any) -> lm.Sequential:
    options = {"epochs": 3, "batch_size": 15, "verbose": False, **options}
    model.fit(*clouds(60), callbacks=callbacks, **options)
    return model


def test_training_is_the_same_and_the_end_is_the_average_of_all_steps(backend: Backend) -> None:
    plain, diary = Diary(), Diary()
    fitted(small_classifier(backend), plain)
    model = fitted(small_classifier(backend), diary, lm.WeightAverage(0.9))
    np.testing.assert_array_equal(diary.steps, plain.steps)
    expected = average(diary.steps, 0.9)
    np.testing.assert_allclose(weights(model), expected, rtol=1e-4, atol=1e-6)
    assert abs(weights(model) - diary.steps[-1]).max() > 1e-3


def test_average_equals_that_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the peer that lamella is compared with")
    diary = Diary()
    model = fitted(small_classifier(dtype="float64"), diary, lm.WeightAverage(0.8))
    module = torch.nn.Linear(1, len(diary.steps[0]), bias=False, dtype=torch.float64)
    swa = torch.optim.swa_utils
    twin = swa.AveragedModel(module, multi_avg_fn=swa.get_ema_multi_avg_fn(0.8))
    for step in diary.steps:
        with torch.no_grad():
            module.weight[:, 0] = torch.tensor(step)
        twin.update_parameters(module)
    expected = twin.module.weight[:, 0].detach().numpy()
    np.testing.assert_allclose(weights(model), expected, rtol=1e-12, atol=1e-14)


def test_epochs_end_with_the_average_and_begin_with_the_trained_weights() -> None:
    before, after = Diary(), Diary()
    model = fitted(small_classifier(), before, lm.WeightAverage(0.9), after)
    np.testing.assert_array_equal(after.starts[1:], [before.steps[i] for i in (3, 7)])
    for epoch, end in enumerate(before.ends):
        expected = average(before.steps[: 4 * epoch + 4], 0.9)
        np.testing.assert_allclose(end, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(weights(model), before.ends[-1])


def test_validation_scores_the_average_and_files_hold_it(tmp_path: Path) -> None:
    x, y = clouds(60)
    model = small_classifier()
    saved = lm.ModelCheckpoint(tmp_path, monitor="loss", mode="min")
    # The first callback saves the average, too: it is there since the last step of the epoch.
    fitted(model, saved, lm.WeightAverage(0.9), validation_data=(x, y))
    np.testing.assert_allclose(
        model.history.rows[-1]["val_loss"], model.evaluate(x, y)["loss"], rtol=1e-6
    )
    loaded = lm.load(tmp_path / "last.safetensors", backend="numpy")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_training_that_is_stopped_ends_with_the_average(is_first: bool) -> None:
    diary, averaged = Diary(stop_after=6), lm.WeightAverage(0.5)
    model = fitted(small_classifier(), *([diary, averaged] if is_first else [averaged, diary]))
    assert model.stop_reason == "enough"
    # Listed behind the average, the diary sees the average after the 4th step.
    steps = diary.steps
    if not is_first:
        plain = Diary()
        fitted(small_classifier(), plain, epochs=2)
        steps = plain.steps[:6]
    np.testing.assert_allclose(weights(model), average(steps, 0.5), rtol=1e-4, atol=1e-6)


def test_early_stopping_restores_the_average_of_the_best_epoch() -> None:
    x, y = clouds(60)
    best, diary = lm.EarlyStopping(patience=1), Diary()
    model = small_classifier(lr=1.0)
    fitted(model, lm.WeightAverage(0.9), diary, best, epochs=30, validation_data=(x, y))
    assert best.best_epoch < len(diary.ends) < 30
    np.testing.assert_array_equal(weights(model), diary.ends[best.best_epoch - 1])


def test_batches_without_weight_do_not_count() -> None:
    weight = np.repeat([1.0, 0.0, 1.0, 1.0], 15)
    averaged, diary = lm.WeightAverage(0.5), Diary()
    options = {"shuffle": False, "sample_weight": weight, "epochs": 1}
    model = fitted(small_classifier(), diary, averaged, **options)
    steps = [diary.steps[i] for i in (0, 2, 3)]
    np.testing.assert_allclose(weights(model), average(steps, 0.5), rtol=1e-4, atol=1e-6)


def test_frozen_weights_are_not_rounded_by_the_average() -> None:
    model = small_classifier()
    model.build((6,))
    model.layers[0].trainable = False
    start = np.array(model.layers[0].W.value)
    fitted(model, lm.WeightAverage(0.97))
    np.testing.assert_array_equal(model.layers[0].W.value, start)


@pytest.mark.parametrize("after", [1, BATCHES - 1, BATCHES, BATCHES + 4, 3 * BATCHES])
def test_an_interrupted_training_ends_with_the_same_bits(after: int, tmp_path: Path) -> None:
    def options() -> dict[str, Any]:
        return {"callbacks": [lm.WeightAverage(0.9)]}

    whole = finished(made(), **options())
    folder = lm.ResumeFolder(tmp_path, seconds=0)
    interrupted(made(), after, folder, **options())
    again = finished(made(), lm.ResumeFolder(tmp_path, seconds=0), **options())
    assert bits_of(again) == bits_of(whole)


def test_more_epochs_continue_with_the_bits_of_a_longer_training(tmp_path: Path) -> None:
    whole = finished(made(), callbacks=[lm.WeightAverage(0.9)], epochs=4)
    finished(made(), tmp_path, callbacks=[lm.WeightAverage(0.9)], epochs=2)
    longer = finished(made(), tmp_path, callbacks=[lm.WeightAverage(0.9)], epochs=4)
    assert bits_of(longer) == bits_of(whole)


def test_one_callback_serves_one_fit_after_the_other() -> None:
    averaged = lm.WeightAverage(0.9)
    model = fitted(small_classifier(), averaged)
    start, diary = weights(model), Diary()
    fitted(model, diary, averaged)
    np.testing.assert_array_equal(diary.starts[0], start)
    np.testing.assert_allclose(weights(model), average(diary.steps, 0.9), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("decay", [-0.1, 1, 1.5, np.nan, "0.9", None])
def test_decay_is_below_1(decay: Any) -> None:
    with pytest.raises(ArgumentError, match="decay must be"):
        lm.WeightAverage(decay)
    with pytest.raises(ArgumentError, match="decay must be"):
        lm.WeightAverage().decay = decay


def test_two_averages_are_refused_before_training() -> None:
    model = small_classifier()
    one = lm.WeightAverage(0.5)
    for averages in ([one, lm.WeightAverage(0.9)], [one, one]):
        with pytest.raises(ArgumentError, match="give one WeightAverage"):
            fitted(model, *averages)
    assert model.store is None


def test_an_epoch_that_is_stopped_before_its_first_step_leaves_the_weights() -> None:
    model = small_classifier().build((6,))
    start = weights(model)
    weight = np.repeat([0.0, 1.0], [15, 45])
    stop = lm.LambdaCallback(on_batch_end=lambda model, batch, log: model.stop("now"))
    fitted(model, stop, lm.WeightAverage(0.5), shuffle=False, sample_weight=weight)
    np.testing.assert_array_equal(weights(model), start)


def test_a_used_average_holds_no_model() -> None:
    averaged = lm.WeightAverage(0.9)
    fitted(small_classifier(), averaged)
    assert pickle.loads(pickle.dumps(averaged)).decay == 0.9


def test_an_average_serves_one_fit_at_a_time() -> None:
    averaged = lm.WeightAverage(0.9)
    nested = lm.LambdaCallback(
        on_epoch_end=lambda model, epoch, logs: fitted(small_classifier(), averaged)
    )
    with pytest.raises(UsageError, match="averages another fit"):
        fitted(small_classifier(), averaged, nested)
    fitted(small_classifier(), averaged)
