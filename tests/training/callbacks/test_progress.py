"""Progress: one bar per fit, on stderr."""

import re

import pytest

import lamella as lm
from lamella.backend import Backend, CupyBackend
from lamella.testing import strict_cupy
from tests.data import clouds
from tests.networks import small_classifier


def last_bar(text: str) -> str:
    return text.rstrip("\n").rsplit("\r", 1)[-1]


def test_one_bar_shows_epoch_loss_and_accuracy(
    backend: Backend, capfd: pytest.CaptureFixture[str]
) -> None:
    model = small_classifier(backend)
    history = model.fit(*clouds(40), epochs=3, batch_size=16, validation_split=0.2)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1  # one bar, closed once
    bar = last_bar(err)
    assert "epoch 3/3" in bar
    assert "6/6" in bar  # two batches, three times
    assert "100%" in bar
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert f"{name}={history[name][-1]:.4f}" in bar
    for name in ("penalty", "learning_rate", "seconds"):
        assert f"{name}=" not in bar


def test_the_time_left_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    small_classifier().fit(*clouds(), epochs=2)
    assert re.search(r"\d\d:\d\d<", last_bar(capfd.readouterr().err))


def test_verbose_false_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    small_classifier().fit(*clouds(), epochs=2, verbose=False)
    assert capfd.readouterr() == ("", "")


def test_a_second_fit_counts_its_own_epochs(capfd: pytest.CaptureFixture[str]) -> None:
    model = small_classifier()
    model.fit(*clouds(), epochs=2, verbose=False)
    model.fit(*clouds(), epochs=3)
    assert "epoch 3/3" in last_bar(capfd.readouterr().err)


def test_the_bar_is_closed_when_training_is_interrupted(
    capfd: pytest.CaptureFixture[str],
) -> None:
    class Interrupt(lm.Callback):
        def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, object]) -> None:
            raise KeyboardInterrupt

    model, bar = small_classifier(), lm.Progress()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*clouds(), callbacks=[bar, Interrupt()], verbose=False)
    assert capfd.readouterr().err.endswith("\n")


class EveryBatch(lm.Callback):
    """Makes a bar draw itself after every batch, however fast they come."""

    def __init__(self, progress: lm.Progress) -> None:
        self.progress = progress

    def on_fit_begin(self, model: lm.Sequential, epochs: int, batches: int) -> None:
        self.progress.bar.mininterval = 0.0


def test_numbers_that_are_not_known_yet_are_not_asked_of_a_device() -> None:
    waits = {}
    for batch_size in (40, 4):
        model, bar = small_classifier(CupyBackend(strict_cupy, "stand-in")), lm.Progress()
        options = {"epochs": 1, "batch_size": batch_size, "verbose": False}
        model.fit(*clouds(40), callbacks=[bar, EveryBatch(bar)], **options)  # warms up
        strict_cupy.counts.reset()
        model.fit(*clouds(40), callbacks=[bar, EveryBatch(bar)], **options)
        waits[batch_size] = strict_cupy.counts.syncs
    assert waits[4] == waits[40]


def test_on_the_host_numbers_are_shown_within_an_epoch(capfd: pytest.CaptureFixture[str]) -> None:
    model, bar = small_classifier(), lm.Progress()
    history = model.fit(
        *clouds(40),
        epochs=1,
        batch_size=16,
        callbacks=[bar, EveryBatch(bar)],
        verbose=False,
    )
    shown = capfd.readouterr().err
    mean = (history.steps[0] + history.steps[1]) / 2
    assert f"loss={history.steps[0]:.4f}" in shown
    assert f"loss={mean:.4f}" in shown


def test_a_first_batch_without_weight_is_shown_too(capfd: pytest.CaptureFixture[str]) -> None:
    x, y = clouds(40)
    model, bar = small_classifier(), lm.Progress()
    model.fit(
        x,
        y,
        epochs=1,
        batch_size=16,
        shuffle=False,
        sample_weight=[0.0] * 16 + [1.0] * 24,
        callbacks=[bar, EveryBatch(bar)],
        verbose=False,
    )
    assert "nan" not in capfd.readouterr().err


def test_a_program_without_stderr_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert len(small_classifier().fit(*clouds(), epochs=2)) == 2
