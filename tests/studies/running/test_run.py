"""One run: the numbers of plain training, and a record of failures."""

import math
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.datasets import Samples
from lamella.studies import Experiment
from lamella.studies.definition.fields import custom_parts, fields_table
from lamella.studies.running.run import Run, Task, train_run
from tests.studies.small import TEST, TRAIN


def trained(seed: int = 0, train: Samples = TRAIN, test: Samples = TEST, **fields: Any) -> Run:
    given = {
        "model": lm.MLP([5], classes=3),
        "optimizer": lm.Adam(3e-2),
        "batch_size": 20,
        "epochs": 4,
        **fields,
    }
    experiment = Experiment.from_table(fields_table(given), custom_parts(given))
    task = Task("small", "arm", seed, "0" * 16, {"seed": seed})
    run, _ = train_run(task, experiment, *train, *test)
    return run


def test_a_run_is_named_by_its_task() -> None:
    run = trained(seed=3, epochs=1)
    assert (run.study, run.arm, run.seed, run.key) == ("small", "arm", 3, "0" * 16)
    assert run.config == {"seed": 3}
    assert (run.status, run.reason, run.done) == ("done", "", True)


def test_numbers_are_those_of_fit() -> None:
    run = trained(seed=5)
    model = lm.MLP([5], classes=3, optimizer=lm.Adam(3e-2), seed=5)
    model.fit(*TRAIN, epochs=4, batch_size=20, validation_split=1 / 12, verbose=False)
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in model.history.rows]
    assert run.epochs == rows
    assert run.step_losses.astype(float).tolist() == model.history.steps
    assert run.steps_per_epoch == 11
    assert len(run.step_losses) == 44
    scores = model.evaluate(*TEST)
    assert run.scores["test_loss"] == scores["loss"]
    assert run.scores["test_accuracy"] == scores["accuracy"]
    assert np.array_equal(run.predictions, model.predict_classes(TEST.x))
    assert np.array_equal(run.confidence, model.predict_proba(TEST.x).max(axis=1))


@pytest.mark.parametrize("loss", [lm.Hinge(), lm.Huber(0.5)])
def test_a_run_with_the_average_of_the_weights_is_that_of_fit(loss: lm.Loss) -> None:
    layers = [lm.Dense(8, max_norm=1.0), lm.LayerNorm(), lm.GELU(), lm.Dense(3)]
    run = trained(
        model=lm.Sequential(layers, seed=0),
        loss=loss,
        optimizer=lm.NAdam(1e-2, clip_norm=1.0),
        callbacks=[lm.WeightAverage(0.9)],
    )
    again = [type(layer)(**layer.config()) for layer in layers]
    model = lm.Sequential(again, seed=0)
    model.compile(type(loss)(**loss.config()), lm.NAdam(1e-2, clip_norm=1.0), ["accuracy"])
    options = {"callbacks": [lm.WeightAverage(0.9)], "validation_split": 1 / 12, "verbose": False}
    model.fit(*TRAIN, epochs=4, batch_size=20, **options)
    assert run.done, run.reason
    assert run.scores["test_loss"] == model.evaluate(*TEST)["loss"]
    assert np.array_equal(run.predictions, model.predict_classes(TEST.x))
    assert run.scores["test_accuracy"] > 0.5


def test_the_part_held_out_is_scored_as_validation_and_not_as_training() -> None:
    run = trained(epochs=1, validation_split=0.5)
    model = lm.MLP([5], classes=3, optimizer=lm.Adam(3e-2), seed=0)
    model.fit(*TRAIN, epochs=1, batch_size=20, validation_split=0.5, verbose=False)
    whole = model.evaluate(*TRAIN)["loss"]
    halves = (run.scores["train_loss"] + run.scores["val_loss"]) / 2
    assert run.scores["train_loss"] != run.scores["val_loss"]
    assert halves == pytest.approx(whole, rel=1e-5)
    assert run.scores["val_loss"] == run.epochs[-1]["val_loss"]


def test_predictions_agree_with_the_test_accuracy() -> None:
    run = trained()
    assert run.predictions.dtype == np.uint8
    assert run.confidence.dtype == np.float32
    assert (run.predictions == TEST.y).mean() == pytest.approx(run.scores["test_accuracy"])
    assert np.array_equal(run.correct, run.predictions == TEST.y)


@pytest.mark.parametrize(
    ("of", "fields"),
    [
        (lambda y: np.eye(3)[y], {}),
        (lambda y: (y > 0).astype(int), {"model": lm.MLP([5], classes=2)}),
        (
            lambda y: (y > 0).astype(np.float32).reshape(-1, 1),
            {
                "model": lm.Sequential([lm.Dense(4), lm.ReLU(), lm.Dense(1)]),
                "loss": lm.SigmoidCrossEntropy(),
            },
        ),
    ],
    ids=["one-hot", "two classes", "yes or no"],
)
def test_right_answers_are_those_that_the_accuracy_counts(of: Any, fields: Any) -> None:
    train, test = (Samples(x, of(y)) for x, y in (TRAIN, TEST))
    run = trained(train=train, test=test, epochs=1, **fields)
    assert (run.status, run.correct.dtype, len(run.correct)) == ("done", bool, len(TEST.y))
    assert 0 < run.correct.mean() == pytest.approx(run.scores["test_accuracy"])


def test_run_on_numbers_has_no_right_answers() -> None:
    train, test = (Samples(x, x[:, :1] * 2.0) for x, _ in (TRAIN, TEST))
    model = lm.Sequential([lm.Dense(1)])
    run = trained(train=train, test=test, epochs=1, model=model, loss=lm.MeanSquaredError())
    assert len(run.correct) == 0
    assert run.scores["test_mae"] > 0
    assert run.scores["test_r2"] <= 1
    assert "mae" not in run.epochs[0]
    assert not [name for name in run.scores if "accuracy" in name]


def test_the_best_epoch_is_the_first_with_the_best_validation_accuracy() -> None:
    run = trained(epochs=8)
    accuracies = [row["val_accuracy"] for row in run.epochs]
    best = int(np.argmax(accuracies)) + 1
    assert best < 8, "choose another seed: this test is about an epoch before the last"
    assert run.scores["best_epoch"] == best
    assert run.scores["best_val_accuracy"] == max(accuracies)
    assert run.scores["val_accuracy"] == accuracies[-1]
    stopped_there = trained(epochs=best)
    assert run.scores["best_test_accuracy"] == stopped_there.scores["test_accuracy"]


def test_the_last_weights_are_scored_last_not_the_best() -> None:
    run = trained(epochs=8)
    assert run.scores["val_loss"] == run.epochs[-1]["val_loss"]


def test_early_stopping_ends_a_run_with_the_best_weights() -> None:
    run = trained(epochs=30, callbacks=[lm.EarlyStopping("val_loss", patience=2)])
    losses = [row["val_loss"] for row in run.epochs]
    assert len(losses) == int(np.argmin(losses)) + 3 < 30
    assert run.scores["val_loss"] == min(losses)
    assert trained(epochs=30, callbacks=[lm.EarlyStopping("val_loss", patience=2)]).scores == (
        run.scores
    )


class Halving(lm.Callback):
    """Halves the learning rate after each epoch; counts them."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def on_epoch_end(self, model: Any, epoch: int, logs: dict[str, Any]) -> None:
        self.rate /= 2
        model.optimizer.lr = self.rate


def test_each_run_has_new_callbacks() -> None:
    mine = Halving(1e-2)
    runs = [trained(epochs=3, callbacks=[mine]) for _ in range(2)]
    assert [row["learning_rate"] for row in runs[0].epochs] == [3e-2, 5e-3, 2.5e-3]
    assert runs[0].epochs == runs[1].epochs
    assert mine.rate == 1e-2


@pytest.mark.parametrize("weight", [{0: 1.0, 1: 5.0, 2: 1.0}, [1.0, 5.0, 1.0]])
def test_class_weights_are_those_of_fit(weight: Any) -> None:
    run = trained(seed=5, class_weight=weight)
    model = lm.MLP([5], classes=3, optimizer=lm.Adam(3e-2), seed=5)
    options: dict[str, Any] = {"epochs": 4, "batch_size": 20, "verbose": False}
    model.fit(*TRAIN, validation_split=1 / 12, class_weight=weight, **options)
    assert run.step_losses.astype(float).tolist() == model.history.steps


def test_augmentation_is_that_of_fit() -> None:
    images = np.random.default_rng(0).random((60, 8, 8), dtype="float32")
    data, augment = Samples(images, np.arange(60) % 3), lm.Augment(rotate=20, elastic=1)
    run = trained(seed=5, train=data, test=data, augment=augment)
    model = lm.MLP([5], classes=3, optimizer=lm.Adam(3e-2), seed=5)
    options: dict[str, Any] = {"epochs": 4, "batch_size": 20, "verbose": False}
    model.fit(*data, validation_split=1 / 12, augment=augment, **options)
    assert run.step_losses.astype(float).tolist() == model.history.steps
    plain = trained(seed=5, train=data, test=data)
    assert (run.step_losses != plain.step_losses).all()


def test_augmentation_of_samples_that_are_no_images_fails_with_the_reason() -> None:
    run = trained(augment=lm.Augment(rotate=20))
    assert run.status == "failed"
    assert "augment distorts grey images" in run.reason


def test_class_weights_of_data_sorted_by_class_are_balanced() -> None:
    order = np.argsort(TRAIN.y)
    run = trained(train=Samples(TRAIN.x[order], TRAIN.y[order]), class_weight="balanced")
    assert run.status == "done", run.reason


class Second(lm.Metric):
    name = "second"
    higher_is_better = True

    def score(self, pred: Any, target: Any) -> Any:
        return (pred.argsort(axis=1)[:, -2] == target).astype(float)


def test_metrics_are_scored_besides_accuracy() -> None:
    run = trained(metrics=["top_2", Second()])
    top, best, second = (run.scores[f"test_{n}"] for n in ("top_2", "accuracy", "second"))
    assert 0 < second == pytest.approx(top - best)
    assert run.epochs[-1]["val_top_2"] == run.scores["val_top_2"]


def test_an_own_validation_set_takes_the_place_of_a_part() -> None:
    given = {"model": lm.MLP([5], classes=3), "batch_size": 20, "epochs": 1}
    experiment = Experiment.from_table(fields_table(given))
    task = Task("small", "arm", 0, "0" * 16, {"seed": 0})
    run, _ = train_run(task, experiment, *TRAIN, *TEST, *TEST)
    assert run.steps_per_epoch == 12
    assert run.scores["val_loss"] == run.scores["test_loss"]


def test_arms_of_a_seed_start_alike_and_see_the_same_data() -> None:
    gentle, bold = (trained(optimizer=lm.SGD(rate)) for rate in (1e-6, 1e-2))
    assert gentle.step_losses[0] == bold.step_losses[0]
    assert np.allclose(gentle.step_losses[:3], bold.step_losses[:3], rtol=0.1)
    assert gentle.step_losses[-1] != bold.step_losses[-1]
    other_seed = trained(seed=1, optimizer=lm.SGD(1e-6))
    assert other_seed.step_losses[0] != gentle.step_losses[0]


def test_without_validation_there_are_no_such_scores() -> None:
    run = trained(validation_split=0.0)
    assert set(run.scores) == {"train_loss", "train_accuracy", "test_loss", "test_accuracy"}
    assert set(run.epochs[0]) == {"epoch", "loss", "accuracy", "learning_rate"}
    assert run.steps_per_epoch == 12


def test_a_penalty_is_in_the_rows_and_not_in_the_loss() -> None:
    run = trained(model=lm.MLP([5], classes=3, l2=0.5), epochs=1)
    assert run.epochs[0]["penalty"] > 0
    model = lm.MLP([5], classes=3, l2=0.5, optimizer=lm.Adam(3e-2), seed=0)
    model.fit(*TRAIN, epochs=1, batch_size=20, validation_split=1 / 12, verbose=False)
    assert run.epochs[0]["penalty"] == model.penalty()
    assert run.scores["test_loss"] == model.evaluate(*TEST)["loss"]


def test_a_single_output_is_taken_as_the_probability_of_class_1() -> None:
    binary = [Samples(part.x, (part.y == 1).astype(np.int64)) for part in (TRAIN, TEST)]
    train, test = (Samples(part.x, part.y.reshape(-1, 1)) for part in binary)
    layers = [lm.Dense(4), lm.ReLU(), lm.Dense(1), lm.Sigmoid()]
    run = trained(
        train=train, test=test, model=lm.Sequential(layers), loss=lm.BinaryCrossEntropy(), epochs=8
    )
    assert run.status == "done", run.reason
    assert set(run.predictions.tolist()) == {0, 1}
    assert run.confidence.min() >= 0.5


def test_a_run_that_diverges_records_the_place_and_the_epochs_before() -> None:
    run = trained(optimizer=lm.SGD(1e30), epochs=4)
    assert run.status == "diverged"
    assert not run.done
    assert run.reason.startswith("the loss was not finite in epoch 1, from batch ")
    first = int(run.reason.partition("batch ")[2].partition(" ")[0])
    assert np.isfinite(run.step_losses[: first - 1]).all()
    assert not np.isfinite(run.step_losses[first - 1])
    assert len(run.epochs) == 1
    assert math.isnan(run.epochs[0]["loss"])
    assert "best_epoch" not in run.scores
    assert len(run.predictions) == len(TEST.y)


def test_a_failed_run_has_the_error_and_no_numbers() -> None:
    run = trained(model=lm.MLP([5], classes=2))
    assert run.status == "failed"
    assert run.reason.startswith("DataError: labels must be in 0..1 for 2 outputs")
    assert run.epochs == []
    assert run.scores == {}
    assert (len(run.step_losses), len(run.predictions), len(run.confidence)) == (0, 0, 0)
    assert math.isnan(run.seconds)


def test_the_log_has_time_host_and_versions() -> None:
    table = fields_table({"model": lm.MLP([5], classes=3), "epochs": 1})
    task = Task("small", "arm", 2, "0" * 16)
    run, log = train_run(task, Experiment.from_table(table), *TRAIN, *TEST)
    assert (log["study"], log["arm"], log["seed"]) == ("small", "arm", 2)
    assert log["seconds"] == run.seconds > 0
    assert log["versions"]["lamella"] == lm.__version__
    assert {library["threads"] for library in log["blas"]} <= {1}


def test_the_log_of_a_failure_has_the_traceback() -> None:
    table = fields_table({"model": lm.MLP([5], classes=2)})
    _, log = train_run(Task("s", "a", 0, "k"), Experiment.from_table(table), *TRAIN, *TEST)
    assert "check_labels" in log["traceback"]


def numbers(count: int, seed: int, outputs: int = 2) -> Samples:
    """Return a linear regression with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 6)).astype("float32")
    slopes = np.random.default_rng(0).normal(size=(6, outputs))
    return Samples(x, (x @ slopes + 0.1 * rng.normal(size=(count, outputs))).astype("float32"))


def test_a_run_on_numbers_has_r2_and_no_accuracy() -> None:
    train, test = numbers(240, 1), numbers(90, 2)
    model = lm.Sequential([lm.Dense(2)])
    run = trained(0, train, test, model=model, loss=lm.MeanSquaredError(), epochs=6)
    assert not [name for name in [*run.scores, *run.epochs[0]] if "accuracy" in name]
    again = lm.Sequential([lm.Dense(2)], seed=0)
    again.compile(lm.MeanSquaredError(), lm.Adam(3e-2), ["r2"])
    again.fit(*train, epochs=6, batch_size=20, validation_split=1 / 12, verbose=False)
    assert run.scores["test_r2"] == again.evaluate(*test)["r2"]
    residuals = (again.predict(test.x) - test.y) ** 2
    r2 = 1 - residuals.mean(axis=0) / test.y.var(axis=0)
    assert run.scores["test_r2"] == pytest.approx(r2.mean(), rel=1e-5)
    assert run.scores["best_val_r2"] == max(row["val_r2"] for row in run.epochs)
    assert "best_test_r2" in run.scores
    assert run.predictions.size == run.confidence.size == 0


def test_a_run_on_several_answers_has_accuracy_and_no_classes() -> None:
    x, y = TRAIN
    labels = np.stack([y > 0, y > 1], axis=1) * 1.0
    model, loss = lm.Sequential([lm.Dense(2)]), lm.SigmoidCrossEntropy()
    run = trained(0, Samples(x, labels), Samples(x, labels), model=model, loss=loss, epochs=2)
    again = lm.Sequential([lm.Dense(2)], seed=0)
    again.compile(lm.SigmoidCrossEntropy(), lm.Adam(3e-2))
    again.fit(x, labels, epochs=2, batch_size=20, validation_split=1 / 12, verbose=False)
    right = (again.predict_proba(x) > 0.5) == (labels > 0.5)
    assert run.scores["test_accuracy"] == pytest.approx(right.mean())
    assert run.predictions.size == 0


def test_a_run_on_yes_or_no_has_two_classes() -> None:
    x, y = TRAIN
    answers = Samples(x, (y[:, None] > 0) * 1.0)
    model, loss = lm.Sequential([lm.Dense(1)]), lm.SigmoidCrossEntropy()
    run = trained(0, answers, answers, model=model, loss=loss)
    assert (run.predictions == answers.y[:, 0]).mean() == pytest.approx(run.scores["test_accuracy"])
