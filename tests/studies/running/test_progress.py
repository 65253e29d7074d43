"""Progress: losses of the runs at work, and the bar."""

import io
import json
import sys
from pathlib import Path

import pytest

import lamella as lm
from lamella.studies.running.progress import SECONDS, EpochReporter, Progress, at_work
from tests.studies.small import TRAIN

pytest.importorskip("tqdm")


class Terminal(io.StringIO):
    """Stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Seen(lm.Callback):
    """Collect the lines at the end of every epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, list[list[str]]()

    def on_epoch_end(self, model: object, epoch: int, logs: dict[str, float]) -> None:
        self.lines.append([*at_work(self.folder), f"loss {logs['loss']:.4f}"])


def fit(folder: Path, epochs: int) -> Seen:
    model = lm.MLP([5], classes=3, seed=0)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(1e-2))
    seen = Seen(folder)
    reporter = EpochReporter(folder / "key", "Adam", 7)
    model.fit(*TRAIN, epochs=epochs, callbacks=[reporter, seen], verbose=False)
    return seen


def test_a_run_at_work_has_a_line_with_its_loss(tmp_path: Path) -> None:
    line, loss = fit(tmp_path, 1).lines[0]
    assert line == f"Adam, seed 7: epoch 1/1, {loss}"


def test_a_run_that_ended_has_no_line(tmp_path: Path) -> None:
    fit(tmp_path, 2)
    assert at_work(tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_short_epochs_are_not_all_written(tmp_path: Path) -> None:
    lines = fit(tmp_path, 30).lines
    assert SECONDS >= 0.1
    assert len({line for line, _ in lines}) < 30


def test_a_folder_that_a_worker_lacks_is_no_error(tmp_path: Path) -> None:
    (line,) = fit(tmp_path / "elsewhere", 1).lines[0]
    assert line.startswith("loss")


def test_half_written_files_are_skipped_and_many_are_counted(tmp_path: Path) -> None:
    (tmp_path / "half").write_text('"Adam, see')
    for number in range(11):
        (tmp_path / f"{number:02}").write_text(json.dumps(f"run {number}"))
    assert at_work(tmp_path) == [*(f"run {number}" for number in range(8)), "and 3 more"]


def test_a_terminal_shows_lines_and_another_stream_counts_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress("study", 2, 0) as progress:
        assert progress.folder is not None
        (progress.folder / "key").write_text(json.dumps("Adam, seed 7: epoch 3/9, loss 0.1"))
        while "epoch 3/9" not in sys.stderr.getvalue():  # type: ignore[attr-defined]
            pass
        progress.update()
        progress.say("2 of 2 runs at once")
    assert not progress.folder.exists()
    assert "1/2" in sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "2 of 2 runs at once\n" in sys.stderr.getvalue()  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with Progress("study", 4, 1) as progress:
        assert progress.folder is None
        for _ in range(3):
            progress.update()
    assert sys.stderr.getvalue() == "study: 2 of 4 runs, 0 s\nstudy: 4 of 4 runs, 0 s\n"
