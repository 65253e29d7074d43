"""Progress: a line for each epoch, and a bar that fits the terminal, on stderr."""

import io
import os
import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest

import lamella as lm
from lamella.backend import Backend, CupyBackend
from lamella.core.errors import ArgumentError
from lamella.testing import strict_cupy
from lamella.training.callbacks.progress import fit_text, number_text, scores_of, wrap
from tests.data import clouds
from tests.networks import small_classifier

fcntl, pty, termios = (
    pytest.importorskip(name, reason="Windows has no pseudo-terminals")
    for name in ("fcntl", "pty", "termios")
)
WIDTHS = (60, 80, 120, 200)


class Terminal(io.StringIO):
    """A terminal that keeps all that is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = pty.openpty()
        self.resize(80)

    def fileno(self) -> int:
        return self.pair[1]

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.fileno(), termios.TIOCSWINSZ, struct.pack("4H", 40, columns, 0, 0))

    def isatty(self) -> bool:
        return True

    @property
    def drawn(self) -> list[str]:
        """All bars and lines, each as drawn."""
        return re.split(r"[\r\n]", self.getvalue())

    @property
    def lines(self) -> list[str]:
        """Lines that stay on the screen; a bar that was cleared is none."""
        shown = [line.rsplit("\r", 1)[-1] for line in self.getvalue().split("\n")]
        return [line for line in shown if line.strip()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Standard error as a terminal of 80 columns."""
    monkeypatch.setenv("TERM", "xterm")
    found = Terminal()
    monkeypatch.setattr("lamella.training.callbacks.progress.error_stream", lambda: found)
    yield found
    for end in found.pair:
        os.close(end)


class EveryBatch(lm.Callback):
    """Makes a bar draw itself after every batch, however fast they come."""

    def __init__(self, progress: lm.Progress) -> None:
        self.progress = progress

    def on_fit_begin(self, model: lm.Sequential, epochs: int, batches: int) -> None:
        self.progress.bar.mininterval = 0.0


def test_each_epoch_is_one_line_without_a_terminal(
    backend: Backend, capfd: pytest.CaptureFixture[str]
) -> None:
    history = small_classifier(backend).fit(*clouds(40), epochs=3, validation_split=0.2)
    out, err = capfd.readouterr()
    assert out == ""
    assert "\r" not in err
    assert err.splitlines() == [
        f"epoch {row['epoch']}/3: loss {row['loss']:.4f} (val {row['val_loss']:.4f}), "
        f"accuracy {row['accuracy']:.4f} (val {row['val_accuracy']:.4f}), {row['seconds']:.1f} s"
        for row in history.rows
    ]


def test_on_a_terminal_the_lines_stay_and_the_bar_goes(terminal: Terminal) -> None:
    history = small_classifier().fit(*clouds(40), epochs=2, validation_split=0.2)
    assert [line.partition(":")[0] for line in terminal.lines] == ["epoch 1/2", "epoch 2/2"]
    assert f"loss {history['loss'][1]:.4f} (val {history['val_loss'][1]:.4f})" in terminal.lines[1]


@pytest.mark.parametrize("columns", WIDTHS)
def test_bar_and_lines_fit_every_width_and_cut_no_number(terminal: Terminal, columns: int) -> None:
    terminal.resize(columns)
    bar = lm.Progress()
    model = lm.SoftmaxClassifier(classes=3, seed=0)
    options: dict[str, Any] = {"validation_split": 0.2, "verbose": 0, "epochs": 10, "batch_size": 8}
    model.fit(*clouds(60), callbacks=[bar, EveryBatch(bar)], **options)
    assert max(map(len, terminal.drawn)) <= columns
    numbers = re.findall(r"\d+\.\d*", "\n".join(part for part in terminal.drawn if "%" in part))
    assert numbers
    assert all(re.fullmatch(r"\d+\.\d{4}", number) for number in numbers)
    said = " ".join(" ".join(terminal.lines).split())
    for row in model.history.rows:
        assert f"accuracy {row['accuracy']:.4f} (val {row['val_accuracy']:.4f})" in said


def test_the_bar_names_its_model_epoch_and_remaining_time(terminal: Terminal) -> None:
    bar = lm.Progress()
    model = small_classifier()
    model.fit(*clouds(40), epochs=2, callbacks=[bar, EveryBatch(bar)], verbose=0)
    assert any(re.match(r"Sequential, epoch 2/2: loss \d", text) for text in terminal.drawn)
    assert any(re.search(r"\| \d\d:\d\d$", text) for text in terminal.drawn)


def test_on_the_host_numbers_are_shown_within_an_epoch(terminal: Terminal) -> None:
    bar = lm.Progress()
    options = {"epochs": 1, "batch_size": 16, "verbose": False}
    history = small_classifier().fit(*clouds(40), callbacks=[bar, EveryBatch(bar)], **options)
    mean = (history.steps[0] + history.steps[1]) / 2
    assert f"loss {history.steps[0]:.4f}" in terminal.getvalue()
    assert f"loss {mean:.4f}" in terminal.getvalue()


def test_numbers_that_are_not_known_yet_are_not_asked_of_a_device(terminal: Terminal) -> None:
    waits = {}
    for batch_size in (40, 4):
        model, bar = small_classifier(CupyBackend(strict_cupy, "stand-in")), lm.Progress()
        options = {"epochs": 1, "batch_size": batch_size, "verbose": False}
        model.fit(*clouds(40), callbacks=[bar, EveryBatch(bar)], **options)  # warms up
        strict_cupy.counts.reset()
        model.fit(*clouds(40), callbacks=[bar, EveryBatch(bar)], **options)
        waits[batch_size] = strict_cupy.counts.syncs
    assert waits[4] == waits[40]


def test_a_first_batch_without_weight_is_shown_too(terminal: Terminal) -> None:
    bar = lm.Progress()
    small_classifier().fit(
        *clouds(40),
        epochs=1,
        batch_size=16,
        shuffle=False,
        sample_weight=[0.0] * 16 + [1.0] * 24,
        callbacks=[bar, EveryBatch(bar)],
        verbose=False,
    )
    assert "nan" not in terminal.getvalue()


@pytest.mark.parametrize("verbose", [False, 0])
def test_verbose_0_is_silent(terminal: Terminal, verbose: int) -> None:
    small_classifier().fit(*clouds(), epochs=2, verbose=verbose)
    assert terminal.getvalue() == ""


def test_verbose_2_is_a_line_an_epoch_without_a_bar(terminal: Terminal) -> None:
    small_classifier().fit(*clouds(), epochs=2, verbose=2)
    assert "\r" not in terminal.getvalue()
    assert len(terminal.lines) == 2


@pytest.mark.parametrize("verbose", [3, -1, "auto", None])
def test_other_values_of_verbose_are_refused(verbose: Any) -> None:
    model = small_classifier()
    with pytest.raises(ArgumentError, match="verbose must be one of 0, 1, 2"):
        model.fit(*clouds(), verbose=verbose)
    assert model.epochs_done == 0


def test_a_second_fit_counts_its_own_epochs(capfd: pytest.CaptureFixture[str]) -> None:
    model = small_classifier()
    model.fit(*clouds(), epochs=2, verbose=False)
    model.fit(*clouds(), epochs=3)
    assert capfd.readouterr().err.splitlines()[-1].startswith("epoch 3/3:")


def test_the_bar_goes_when_training_is_interrupted(terminal: Terminal) -> None:
    class Interrupt(lm.Callback):
        def on_batch_end(self, model: lm.Sequential, batch: int, log: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_classifier().fit(*clouds(), callbacks=[lm.Progress(), Interrupt()], verbose=False)
    assert terminal.lines == []
    assert terminal.getvalue().endswith("\r")


def test_a_program_without_stderr_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert len(small_classifier().fit(*clouds(), epochs=2)) == 2


def test_scores_name_their_validation_and_leave_out_the_rest() -> None:
    logs = {"epoch": 1, "loss": 0.5, "lucky": "yes", "penalty": 1.0, "val_loss": 0.25, "val_x": 2}
    assert scores_of(logs) == ["loss 0.5000 (val 0.2500)", "lucky yes", "val_x 2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (1e-5, "1.000e-05"),
        (123456.0, "1.235e+05"),
        (float("nan"), "nan"),
        (3, "3"),
    ],
)
def test_small_and_large_numbers_keep_their_digits(value: float, text: str) -> None:
    assert number_text(value) == text


def test_words_of_the_bar_go_before_its_numbers() -> None:
    scores = ["loss 0.1234", "accuracy 0.9876"]
    texts = [fit_text("MLP", "3/5", scores, room) for room in (50, 40, 35, 20, 5, 2)]
    assert texts == [
        "MLP, epoch 3/5: loss 0.1234, accuracy 0.9876",
        "MLP 3/5: loss 0.1234, accuracy 0.9876",
        "3/5: loss 0.1234, accuracy 0.9876",
        "MLP 3/5: loss 0.1234",
        "3/5",
        "",
    ]


def test_a_line_is_broken_between_its_parts() -> None:
    assert wrap("epoch 1/2: ", ["loss 1", "accuracy 2", "0.1 s"], 24) == (
        "epoch 1/2: loss 1,\n           accuracy 2,\n           0.1 s"
    )


def test_a_terminal_that_draws_nothing_anew_has_lines_only(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    small_classifier().fit(*clouds(40), epochs=2)
    assert "\r" not in terminal.getvalue()
    assert [line.partition(":")[0] for line in terminal.drawn] == ["epoch 1/2", "epoch 2/2", ""]
