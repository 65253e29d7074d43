"""Programs without standard streams: pythonw and frozen applications."""

import io
import sys
from pathlib import Path

import pytest

from lamella.core.terminal import (
    error_stream,
    replace_unknown_signs,
    standard_streams,
    terminal_width,
)
from tests.subprocesses import run_python


def test_errors_go_to_stderr_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert error_stream() is stream


@pytest.mark.parametrize("is_closed", [False, True])
def test_text_is_discarded_where_there_is_no_stderr(
    is_closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream if is_closed else None)
    assert error_stream().write("text") == 4
    error_stream().flush()


def test_missing_streams_are_replaced_in_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    before = sys.stdout
    with standard_streams():
        assert sys.stdout is before
        print("discarded", file=sys.stderr, flush=True)
    assert sys.stderr is None


WITHOUT_CONSOLE = """
import sys
from pathlib import Path
from pathlib import Path
sys.stdout = sys.stderr = None
import numpy as np
import lamella as lm
from lamella.cli import main

x, y = np.random.default_rng(0).random((60, 6)) * 1000, np.arange(60) % 3
history = lm.MLP([4], classes=3, seed=1).fit(x, y, epochs=2)  # warns of x, too
study = lm.Study("a", base=dict(model=lm.MLP([4], classes=3), epochs=1, batch_size=30),
                 arms={"A": dict(optimizer=lm.SGD(0.1)), "B": {}}, seeds=1)
runs = [len(study.run((x, y), (x, y), n_jobs=n).runs) for n in (1, 2)]
status = main(["train", "--epochs", "0"]), main(["study", "list"])
Path(sys.argv[1]).write_text(repr([len(history), runs, status]))
"""


@pytest.mark.slow
def test_training_studies_and_commands_work_without_a_console(tmp_path: Path) -> None:
    run_python("-c", WITHOUT_CONSOLE, tmp_path / "result")
    assert (tmp_path / "result").read_text() == "[2, [2, 2], (2, 0)]"


def test_the_width_is_that_of_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "42")
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert terminal_width() == 42
    closed = io.StringIO()
    closed.close()
    for stream in (None, io.StringIO(), closed):
        monkeypatch.setattr(sys, "stdout", stream)
        assert terminal_width() is None


def test_signs_that_an_encoding_lacks_become_question_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "cp1252"))
    monkeypatch.setattr(sys, "stderr", None)
    replace_unknown_signs()
    print("± 日", flush=True)
    assert written.getvalue().strip() == b"\xb1 ?"
