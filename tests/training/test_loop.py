"""The training loop: equal bits, consecutive fits, means over samples, order of callbacks."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import UsageError
from lamella.core.seeds import Streams
from lamella.training.splits import split_rows
from tests.data import clouds
from tests.networks import small_classifier, snapshot

# Samples are marked by numbers of their own here, or have all the same target.
pytestmark = pytest.mark.filterwarnings("ignore::lamella.core.errors.CheckWarning")

Arrays = dict[str, np.ndarray]


class Spy(lm.Layer):
    """Passes everything on and notes the first feature of each sample: once trained, once not."""

    def build(self, in_shape: tuple[int, ...]) -> tuple[int, ...]:
        self.trained: list[float] = []
        self.seen: list[float] = []
        return in_shape

    def forward(self, x: Any, training: bool) -> Any:
        rows = self.backend.to_host(x)[:, 0].tolist()
        (self.trained if training else self.seen).extend(rows)
        return x

    def backward(self, dy: Any) -> Any:
        return dy


def numbered(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples whose first feature is their number, of three classes."""
    x, _ = clouds(n)
    x[:, 0] = np.arange(n)
    return x, np.arange(n) % 3


def spied(backend: Backend | str = "numpy", loss: lm.Loss | None = None) -> lm.Sequential:
    model = lm.Sequential([Spy(), lm.Dense(3)], seed=1, backend=backend)
    return model.compile(loss or lm.SoftmaxCrossEntropy(), lm.SGD(1e-9))


def fitted(model: lm.Sequential, **options: Any) -> Arrays:
    x, y = clouds()
    options = {"epochs": 3, "batch_size": 16, "validation_split": 0.2, "verbose": False, **options}
    model.fit(x, y, **options)
    return snapshot(model)


# The same bits


def test_the_same_seed_gives_the_same_bits(backend: Backend) -> None:
    np.testing.assert_equal(fitted(small_classifier(backend)), fitted(small_classifier(backend)))


def test_another_seed_gives_other_weights_another_order_and_another_split() -> None:
    first, other = fitted(small_classifier(seed=1)), fitted(small_classifier(seed=2))
    assert np.abs(first["0.Dense.W"] - other["0.Dense.W"]).max() > 0.01
    orders, held = [], []
    for seed in (1, 2):
        model = lm.Sequential([Spy(), lm.Dense(3)], seed=seed, backend="numpy")
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e-9))
        model.fit(*numbered(30), epochs=1, validation_split=0.2, verbose=False)
        orders.append(model.layers[0].trained)
        held.append(model.layers[0].seen)
    assert orders[0] != orders[1]
    assert held[0] != held[1]


def test_another_model_trained_in_between_changes_nothing(backend: Backend) -> None:
    class Neighbour(lm.Callback):
        def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
            np.random.default_rng().random()
            fitted(small_classifier(backend, seed=9), epochs=1)

    alone = fitted(small_classifier(backend))
    np.testing.assert_equal(fitted(small_classifier(backend), callbacks=[Neighbour()]), alone)


def test_watching_changes_nothing(backend: Backend, tmp_path: Any) -> None:
    quiet = fitted(small_classifier(backend))
    callbacks = [
        lm.JSONLines(tmp_path / "a.jsonl"),
        lm.CSV(tmp_path / "a.csv"),
        lm.ModelCheckpoint(tmp_path),
        lm.TerminateOnNaN(),
    ]
    np.testing.assert_equal(
        fitted(small_classifier(backend), callbacks=callbacks, verbose=True), quiet
    )


def test_validation_changes_nothing_but_the_history(backend: Backend) -> None:
    with_it, without = small_classifier(backend), small_classifier(backend)
    fitted(with_it, validation_split=0.0, validation_data=clouds(25, seed=8))
    fitted(without, validation_split=0.0)
    np.testing.assert_equal(with_it.state_dict(), without.state_dict())
    assert with_it.history["loss"] == without.history["loss"]


# The order of the data


def test_each_epoch_sees_every_sample_once_in_an_order_of_its_own(backend: Backend) -> None:
    model = spied(backend)
    model.fit(*numbered(50), epochs=3, batch_size=16, verbose=False)
    epochs = np.reshape(model.layers[0].trained, (3, 50))
    np.testing.assert_array_equal(np.sort(epochs, axis=1), [np.arange(50)] * 3)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert not any((epoch == np.arange(50)).all() for epoch in epochs)


def test_without_shuffling_the_order_is_that_of_the_data(backend: Backend) -> None:
    model = spied(backend)
    model.fit(*numbered(50), epochs=2, batch_size=16, shuffle=False, verbose=False)
    assert model.layers[0].trained == [*range(50)] * 2


def test_inputs_and_targets_stay_together(backend: Backend) -> None:
    x = np.zeros((30, 3), "float32")
    x[np.arange(30), np.arange(30) % 3] = 100.0  # the label can be read from the input
    model = lm.Sequential([lm.Dense(3, init="zeros")], seed=0, backend=backend)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1.0), ["accuracy"])
    model.fit(x, np.arange(30) % 3, epochs=2, batch_size=7, verbose=False)
    assert model.evaluate(x, np.arange(30) % 3)["accuracy"] == 1.0


# Epochs of several fits


def test_two_fits_are_one_longer_fit(backend: Backend) -> None:
    together, in_parts = small_classifier(backend), small_classifier(backend)
    whole = fitted(together, epochs=5)
    first = fitted(in_parts, epochs=2)
    second = fitted(in_parts, epochs=3)
    for name in together.state_dict():
        np.testing.assert_array_equal(second[name], whole[name], err_msg=name)
    np.testing.assert_equal(first["rows"] + second["rows"], whole["rows"])
    assert first["steps"] + second["steps"] == whole["steps"]
    assert second["t"] == whole["t"]


def test_epochs_are_counted_over_all_fits() -> None:
    model = small_classifier()
    assert model.epochs_done == 0
    model.fit(*clouds(), epochs=2, verbose=False)
    history = model.fit(*clouds(), epochs=3, verbose=False)
    assert model.epochs_done == 5
    assert history["epoch"] == [3, 4, 5]
    assert model.history is history


def test_schedules_go_on_over_two_fits() -> None:
    model = lm.Sequential([lm.Dense(3)], seed=0, backend="numpy")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(lm.ExponentialDecay(0.8, 0.5)))
    rates = model.fit(*clouds(), epochs=2, verbose=False)["learning_rate"]
    rates += model.fit(*clouds(), epochs=2, verbose=False)["learning_rate"]
    assert rates == [0.8, 0.4, 0.2, 0.1]


# Means over samples


def test_the_last_short_batch_counts_by_its_samples(backend: Backend) -> None:
    x, y = clouds(37)
    model = lm.Sequential([lm.Dense(3)], seed=2, backend=backend, dtype="float64")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e-13), ["accuracy"], in_shape=(6,))
    z = model.predict(x)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(37), y]
    right = z.argmax(axis=1) == y
    history = model.fit(x, y, epochs=1, batch_size=16, shuffle=False, verbose=False)
    assert history["loss"][0] == pytest.approx(losses.mean(), rel=1e-10)
    assert history["accuracy"][0] == pytest.approx(right.mean(), rel=1e-12)
    batches = [losses[:16].mean(), losses[16:32].mean(), losses[32:].mean()]
    assert history.steps == pytest.approx(batches, rel=1e-10)
    assert np.mean(batches) != pytest.approx(losses.mean(), rel=1e-4)  # the test can fail


@pytest.mark.parametrize("split", [0.0, 0.25])
def test_weighted_losses_are_weighted_means(backend: Backend, split: float) -> None:
    x, y = clouds(37)
    weight = np.random.default_rng(0).uniform(0, 3, 37)
    model = lm.Sequential([lm.Dense(3)], seed=2, backend=backend, dtype="float64")
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e-13), in_shape=(6,))
    z = model.predict(x)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(37), y]
    rows, _ = split_rows(y, split, Streams(2))
    history = model.fit(
        x, y, epochs=2, batch_size=8, sample_weight=weight, validation_split=split, verbose=False
    )
    expected = (weight * losses)[rows].sum() / weight[rows].sum()
    assert history["loss"] == pytest.approx([expected] * 2, rel=1e-9)


def test_a_weight_of_two_is_the_sample_twice(backend: Backend) -> None:
    x, y = clouds(20)
    twice = np.array([3, 7, 11])
    weight = np.ones(20)
    weight[twice] = 2
    results = []
    for data, options in (
        ((x, y), {"sample_weight": weight}),
        ((np.concatenate([x, x[twice]]), np.concatenate([y, y[twice]])), {}),
    ):
        model = lm.Sequential(
            [lm.Dense(5), lm.Tanh(), lm.Dense(3)], seed=1, backend=backend, dtype="float64"
        )
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.5))
        model.fit(*data, epochs=3, batch_size=64, shuffle=False, verbose=False, **options)
        results.append({**model.state_dict(), "loss": np.array(model.history["loss"])})
    for name, array in results[0].items():
        np.testing.assert_allclose(array, results[1][name], rtol=1e-10, atol=1e-12)


def test_class_weights_are_sample_weights_by_label(backend: Backend) -> None:
    _, y = clouds()
    by_class, by_sample, unweighted = (
        small_classifier(backend),
        small_classifier(backend),
        small_classifier(backend),
    )
    one = fitted(by_class, class_weight={0: 3.0, 2: 0.5})
    two = fitted(by_sample, sample_weight=np.array([3.0, 1.0, 0.5])[y])
    np.testing.assert_equal(one, two)
    assert fitted(unweighted)["steps"] != one["steps"]


def test_class_and_sample_weights_are_multiplied(backend: Backend) -> None:
    _, y = clouds()
    own = np.linspace(1, 2, len(y))
    both = fitted(small_classifier(backend), sample_weight=own, class_weight={1: 4.0})
    product = fitted(small_classifier(backend), sample_weight=own * np.array([1, 4, 1])[y])
    np.testing.assert_equal(both, product)


def test_class_weights_work_on_one_hot_rows_and_on_probabilities(backend: Backend) -> None:
    x, y = clouds()
    results = []
    for target in (y, np.eye(3)[y]):
        model = lm.Sequential([lm.Dense(3), lm.Softmax()], seed=1, backend=backend)
        model.compile(lm.MeanSquaredError(), lm.SGD(0.5))
        model.fit(x, target, epochs=2, class_weight={1: 4.0}, verbose=False)
        results.append(model.state_dict())
    np.testing.assert_equal(*results)


def test_a_weight_of_zero_takes_a_sample_out(backend: Backend) -> None:
    x, y = clouds(20)
    weight = np.ones(20)
    weight[5:] = 0
    x_other = x.copy()
    x_other[5:] += 3.0
    results = []
    for inputs in (x, x_other):
        model = lm.Sequential([lm.Dense(3)], seed=1, backend=backend)
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.5))
        model.fit(inputs, y, epochs=2, batch_size=8, sample_weight=weight, verbose=False)
        results.append(model.state_dict())
    np.testing.assert_equal(*results)


def test_an_epoch_ended_before_any_weight_has_a_loss_of_zero(backend: Backend) -> None:
    class AtOnce(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            model.stop("seen enough")

    x, y = clouds(20)
    weight = np.ones(20)
    weight[:8] = 0  # all of the first batch, whose loss is 0 then, not 0 / 0
    model = lm.Sequential([lm.Dense(3)], seed=1, backend=backend)
    model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(0.5))
    history = model.fit(
        x,
        y,
        batch_size=8,
        shuffle=False,
        sample_weight=weight,
        callbacks=[AtOnce()],
        verbose=False,
    )
    assert history["loss"] == [0.0]


def test_the_penalty_stands_apart_from_the_loss(backend: Backend) -> None:
    x, y = clouds()
    results = []
    for regularizer in (lm.L2(0.5), None):
        model = lm.Sequential([lm.Dense(3, regularizer=regularizer)], seed=1, backend=backend)
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(1e-9))
        results.append((model.fit(x, y, epochs=1, verbose=False), model))
    (penalized, model), (plain, _) = results
    assert penalized["loss"] == pytest.approx(plain["loss"], rel=1e-6)
    weights = model.state_dict()["0.Dense.W"].astype(float)
    assert penalized["penalty"] == pytest.approx([0.25 * (weights**2).sum()], rel=1e-6)
    assert "penalty" not in plain.rows[0]


# Validation


@pytest.mark.parametrize("name", ["labels", "one-hot", "distance"])
def test_a_held_out_fraction_is_stratified(backend: Backend, name: str) -> None:
    y = np.repeat([0, 1, 2], [60, 30, 10])
    x = np.zeros((100, 6), "float32")
    x[:, 0] = np.arange(100)
    model = spied(backend, lm.MeanSquaredError() if name == "distance" else None)
    target = np.eye(3)[y] if name == "one-hot" else y
    model.fit(x, target, epochs=2, batch_size=16, validation_split=0.2, verbose=False)
    held = np.array(model.layers[0].seen[:20], int)
    assert np.bincount(y[held]).tolist() == [12, 6, 2]


def test_held_out_samples_are_scored_and_never_trained_on(backend: Backend) -> None:
    model = spied(backend)
    model.fit(*numbered(50), epochs=3, batch_size=16, validation_split=0.2, verbose=False)
    trained, seen = set(model.layers[0].trained), set(model.layers[0].seen)
    assert len(seen) == 10
    assert trained == set(range(50)) - seen


def test_values_of_held_out_samples_do_not_reach_the_weights(backend: Backend) -> None:
    x, y = clouds()
    _, held = split_rows(y, 0.2, Streams(1))
    other = x.copy()
    other[held] += 5.0
    one, two = small_classifier(backend), small_classifier(backend)
    for model, inputs in ((one, x), (two, other)):
        model.fit(inputs, y, epochs=2, batch_size=16, validation_split=0.2, verbose=False)
    np.testing.assert_equal(one.state_dict(), two.state_dict())
    assert one.history["loss"] == two.history["loss"]
    assert one.history["val_loss"] != two.history["val_loss"]


def test_a_second_fit_holds_out_the_same_samples() -> None:
    model = spied()
    for _ in range(2):
        model.fit(*numbered(50), epochs=1, validation_split=0.2, verbose=False)
    assert model.layers[0].seen[:10] == model.layers[0].seen[10:]


def test_a_held_out_fraction_is_as_if_it_had_been_given(backend: Backend) -> None:
    x, y = clouds()
    rows, held = split_rows(y, 0.2, Streams(1))
    by_share, by_data = small_classifier(backend), small_classifier(backend)
    one = by_share.fit(x, y, epochs=2, shuffle=False, validation_split=0.2, verbose=False)
    two = by_data.fit(
        x[rows],
        y[rows],
        epochs=2,
        shuffle=False,
        validation_data=(x[held], y[held]),
        verbose=False,
    )
    np.testing.assert_equal(by_share.state_dict(), by_data.state_dict())
    assert one["val_loss"] == two["val_loss"]
    assert one["val_accuracy"] == two["val_accuracy"]


def test_validation_scores_are_those_of_the_epochs_end(backend: Backend) -> None:
    x, y = clouds()
    other = clouds(25, seed=8)
    model = small_classifier(backend)
    history = model.fit(x, y, epochs=2, validation_data=other, verbose=False)
    scores = model.evaluate(*other)
    assert history["val_loss"][-1] == scores["loss"]
    assert history["val_accuracy"][-1] == scores["accuracy"]


# The end of training, and the calls of callbacks


class Diary(lm.Callback):
    """Record the calls of its hooks."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def on_fit_begin(self, model: lm.Sequential, epochs: int, batches: int) -> None:
        self.lines.append(("fit begin", epochs, batches))

    def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
        self.lines.append(("epoch begin", epoch))

    def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
        self.lines.append(("batch end", batch))

    def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
        self.lines.append(("epoch end", epoch, model.epochs_done))

    def on_fit_end(self, model: lm.Sequential) -> None:
        self.lines.append(("fit end",))


def test_callbacks_are_called_in_order() -> None:
    diary, model = Diary(), small_classifier()
    model.fit(*clouds(40), epochs=2, batch_size=32, callbacks=[diary], verbose=False)
    one_epoch = [("batch end", 0), ("batch end", 1)]
    assert diary.lines == [
        ("fit begin", 2, 2),
        ("epoch begin", 0),
        *one_epoch,
        ("epoch end", 0, 1),
        ("epoch begin", 1),
        *one_epoch,
        ("epoch end", 1, 2),
        ("fit end",),
    ]


def test_stop_in_a_batch_ends_training_after_it(backend: Backend) -> None:
    class AtFive(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            if model.optimizer.t == 5:
                model.stop("five steps are enough")

    model = small_classifier(backend)
    history = model.fit(*clouds(40), epochs=4, batch_size=16, callbacks=[AtFive()], verbose=False)
    assert model.optimizer.t == 5
    assert model.epochs_done == 2
    assert model.stop_reason == history.stop_reason == "five steps are enough"
    assert len(history) == 2
    assert len(history.steps) == 5
    assert history["loss"][1] == pytest.approx(np.mean(history.steps[3:]), rel=1e-5)


def test_stop_after_an_epoch_ends_training_there() -> None:
    class AtTwo(lm.Callback):
        def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
            if epoch == 1:
                model.stop("two epochs are enough")

    model = small_classifier()
    assert len(model.fit(*clouds(), epochs=5, callbacks=[AtTwo()], verbose=False)) == 2
    assert model.stop_reason == "two epochs are enough"
    assert len(model.fit(*clouds(), epochs=2, verbose=False)) == 2  # the reason is gone
    assert model.stop_reason == ""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_all_callbacks_end_when_one_raises(error: type[BaseException]) -> None:
    class Raises(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            raise error("in the middle")

    before, after = Diary(), Diary()
    model = small_classifier()
    with pytest.raises(error, match="in the middle"):
        model.fit(*clouds(), callbacks=[before, Raises(), after], verbose=False)
    assert before.lines[-1] == after.lines[-1] == ("fit end",)
    model.fit(*clouds(), epochs=1, verbose=False)  # and the model can be trained on
    assert model.epochs_done == 1


def test_a_callback_that_has_not_begun_does_not_end() -> None:
    class Raises(lm.Callback):
        def on_fit_begin(self, model: lm.Sequential, epochs: int, batches: int) -> None:
            raise RuntimeError("not today")

    before, after = Diary(), Diary()
    with pytest.raises(RuntimeError, match="not today"):
        small_classifier().fit(*clouds(), callbacks=[before, Raises(), after], verbose=False)
    assert before.lines == [("fit begin", 5, 1), ("fit end",)]
    assert after.lines == []


def test_the_loss_of_a_batch_can_be_read_in_its_hook(backend: Backend) -> None:
    class Reader(lm.Callback):
        def __init__(self) -> None:
            self.losses: list[float] = []
            self.right: list[float] = []

        def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
            self.losses.append(float(log.last()))
            self.right.append(float(log.last("accuracy")))

    reader, model = Reader(), small_classifier(backend)
    history = model.fit(*clouds(40), epochs=2, batch_size=16, callbacks=[reader], verbose=False)
    assert reader.losses == history.steps
    assert sum(reader.right[:3]) / 40 == pytest.approx(history["accuracy"][0])


class StopsAsInKeras(lm.Callback):
    def on_epoch_end(self, model: Any, epoch: int, logs: Any) -> None:
        model.stop_training = True


def test_stop_training_in_a_callback_is_refused_at_the_end_of_the_epoch() -> None:
    model = small_classifier()
    with pytest.raises(
        UsageError, match=r"stop_training = True has no effect: call model\.stop\(reason\)"
    ):
        model.fit(*clouds(), epochs=3, callbacks=[StopsAsInKeras()], verbose=False)
    assert model.epochs_done == 1


class Steps(lm.Callback):
    """Take a step of its own after each batch."""

    def __init__(self, steps: int) -> None:
        self.steps, self.rates = steps, list[float]()

    def on_batch_end(self, model: Any, batch: int, log: Any) -> None:
        self.rates.append(model.optimizer.learning_rate)
        for _ in range(self.steps):
            model.train_step(*clouds(8))


def test_steps_of_a_callback_do_not_shift_the_schedule_of_fit() -> None:
    rates = []
    for steps in (0, 2):
        model, callback = small_classifier(), Steps(steps)
        model.compile(lm.SoftmaxCrossEntropy(), lm.SGD(lm.LinearDecay(0.1, epochs=2)))
        model.fit(*clouds(40), epochs=2, batch_size=8, callbacks=[callback], verbose=False)
        rates.append(callback.rates)
    np.testing.assert_allclose(rates[0], 0.1 * (1 - np.arange(10) / 10), rtol=1e-12)
    assert rates[1] == rates[0]
