"""fit(checkpoint=...): an interrupted training resumes and ends with the same bits."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import UsageError
from lamella.training.checkpoints import CheckpointWarning, ResumeFolder
from tests.data import clouds
from tests.networks import bits_of
from tests.training.checkpoints.interrupting import (
    BATCHES,
    FIT,
    Interrupt,
    finished,
    interrupted,
    made,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("after", [1, 2, BATCHES - 1, BATCHES, BATCHES + 1, 4 * BATCHES])
@pytest.mark.parametrize("seconds", [0, 60])
def test_an_interrupted_fit_ends_with_the_same_bits(
    backend: Backend, tmp_path: Path, after: int, seconds: float
) -> None:
    whole = finished(made(backend))
    interrupted(made(backend), after, ResumeFolder(tmp_path, seconds=seconds))
    assert bits_of(finished(made(backend), tmp_path)) == bits_of(whole)


def test_a_fit_that_is_interrupted_again_and_again_ends_the_same(tmp_path: Path) -> None:
    whole = finished(made())
    for after in (5, 7, 3, 8):
        interrupted(made(), after, ResumeFolder(tmp_path, seconds=0))
    assert bits_of(finished(made(), tmp_path)) == bits_of(whole)


def test_it_resumes_within_the_epoch_and_not_before(tmp_path: Path) -> None:
    interrupted(made(), BATCHES + 5, ResumeFolder(tmp_path, seconds=0))
    rest = Interrupt(-1)
    made().fit(*clouds(180), **FIT, callbacks=[rest], checkpoint=tmp_path)
    # The interruption came before the checkpoint of that batch was written.
    assert -1 - rest.left == 4 * BATCHES - (BATCHES + 4)


def test_a_finished_fit_is_not_done_again(tmp_path: Path) -> None:
    whole = finished(made(), tmp_path)
    again = finished(made(), tmp_path)
    assert bits_of(again) == bits_of(whole)
    assert [row["seconds"] for row in again.history.rows] == whole.history["seconds"]


def test_a_fit_after_a_fit_has_its_own_checkpoints(tmp_path: Path) -> None:
    whole = finished(finished(made()))
    model = finished(made())
    interrupted(model, 12, tmp_path)
    assert bits_of(finished(finished(made()), tmp_path)) == bits_of(whole)


def test_early_stopping_resumes_and_restores_the_best_weights(tmp_path: Path) -> None:
    def stopping() -> dict[str, Any]:
        return {"epochs": 40, "callbacks": [lm.EarlyStopping(patience=2)]}

    whole = finished(made(lr=0.3), **stopping())
    assert "has not improved for 2 epochs" in whole.stop_reason
    epochs = len(whole.history)
    for after in (BATCHES * (epochs - 1), BATCHES * epochs - 2):
        folder = tmp_path / str(after)
        interrupted(made(lr=0.3), after, folder, **stopping())
        last = stopping()
        assert bits_of(finished(made(lr=0.3), folder, **last)) == bits_of(whole)
        assert last["callbacks"][0].best_epoch == epochs - 2
    assert bits_of(finished(made(lr=0.3), folder, **stopping())) == bits_of(whole)


def test_logs_and_saved_models_are_as_if_never_interrupted(tmp_path: Path) -> None:
    def logs(name: str) -> dict[str, Any]:
        folder = tmp_path / name
        log, table = lm.JSONLines(folder / "a.jsonl"), lm.CSV(folder / "a.csv")
        return {"callbacks": [log, table, lm.ModelCheckpoint(folder, monitor="val_accuracy")]}

    finished(made(), **logs("whole"))
    interrupted(made(), 2 * BATCHES + 4, ResumeFolder(tmp_path / "kept", seconds=0), **logs("cut"))
    (tmp_path / "cut" / "a.csv").unlink()
    finished(made(), tmp_path / "kept", **logs("cut"))
    for name in ("last.safetensors", "best.safetensors"):
        whole, cut = ((tmp_path / run / name).read_bytes() for run in ("whole", "cut"))
        assert whole == cut
    found = []
    for run in ("whole", "cut"):
        lines = (tmp_path / run / "a.jsonl").read_text().splitlines()
        rows = [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]
        table = [
            row.rpartition(",")[0] for row in (tmp_path / run / "a.csv").read_text().splitlines()
        ]
        found.append((rows, table))
    assert found[0] == found[1]
    assert len(found[0][0]) == 4
    assert len(found[0][1]) == 5


class Counting(lm.Callback):
    """Count batches over all epochs, with an array as a second state."""

    def on_fit_begin(self, model: lm.Sequential, epochs: int, batches: int) -> None:
        self.batches, self.losses = 0, np.zeros(0)

    def on_batch_end(self, model: lm.Sequential, batch: int, log: Any) -> None:
        self.batches += 1
        self.losses = np.append(self.losses, float(log.last()))

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.batches, "losses": self.losses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.batches, self.losses = state["batches"], state["losses"]


def test_custom_callbacks_continue_with_their_state(tmp_path: Path) -> None:
    interrupted(made(), 13, ResumeFolder(tmp_path, seconds=0), callbacks=[Counting()])
    counting = Counting()
    model = finished(made(), tmp_path, callbacks=[counting])
    assert counting.batches == 4 * BATCHES
    assert counting.losses.tolist() == model.history.steps


def test_progress_resumes_at_the_interrupted_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(made(), BATCHES + 1, tmp_path, verbose=True)
    capsys.readouterr()
    finished(made(), tmp_path, verbose=True)
    said = capsys.readouterr().err
    assert re.findall(r"epoch \d/4", said) == ["epoch 2/4", "epoch 3/4", "epoch 4/4"]


def test_a_damaged_checkpoint_is_reported_and_changes_no_bit(tmp_path: Path) -> None:
    whole = finished(made())
    interrupted(made(), 3 * BATCHES + 2, tmp_path)
    newest = max(tmp_path.glob("*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-7])
    with pytest.warns(CheckpointWarning, match=r"is damaged.*resuming from 00000002-"):
        model = finished(made(), tmp_path)
    assert bits_of(model) == bits_of(whole)


def test_a_refused_fit_leaves_logs_alone(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    interrupted(made(), BATCHES + 1, tmp_path / "kept", callbacks=[lm.JSONLines(log)])
    before = log.read_bytes()
    assert before
    with pytest.raises(UsageError, match="of another training"):
        finished(made(seed=9), tmp_path / "kept", callbacks=[lm.JSONLines(log)])
    assert log.read_bytes() == before


def test_fresh_starts_from_scratch(tmp_path: Path) -> None:
    interrupted(made(), 2 * BATCHES + 1, tmp_path)
    model = finished(made(seed=5), ResumeFolder(tmp_path, fresh=True))
    assert bits_of(model) == bits_of(finished(made(seed=5)))
    assert len(list(tmp_path.glob("*.safetensors"))) == 2


def test_another_numpy_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(np, "__version__", "1.26.4")
        interrupted(made(), BATCHES + 1, tmp_path)
    with pytest.warns(CheckpointWarning, match=r"environment has changed: numpy \(1.26.4 there"):
        finished(made(), tmp_path)


def test_products_have_no_more_threads_than_when_it_was_begun(tmp_path: Path) -> None:
    def wide() -> lm.Sequential:
        layers = [lm.Dense(1200), lm.ReLU(), lm.Dense(1200), lm.ReLU(), lm.Dense(3)]
        return lm.Sequential(layers, seed=1, backend="numpy").compile(
            lm.SoftmaxCrossEntropy(), lm.SGD(0.01)
        )

    with threadpool_limits(1, user_api="blas"):
        interrupted(wide(), 5, ResumeFolder(tmp_path, seconds=0))
    assert finished(wide(), tmp_path, epochs=4).blas_threads == 1


def test_fewer_threads_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = made()
    with monkeypatch.context() as patch:
        patch.setattr(lm.Sequential, "blas_threads", property(lambda self: 64, lambda *_: None))
        interrupted(model, BATCHES + 1, tmp_path)
    with pytest.warns(CheckpointWarning, match="began with 64 BLAS threads and only"):
        finished(made(), tmp_path)


def test_seconds_must_be_a_number_of_at_least_0(tmp_path: Path) -> None:
    with pytest.raises(lm.LamellaError, match="seconds must be at least 0"):
        ResumeFolder(tmp_path, seconds=-1)


def test_a_folder_that_cannot_be_written_is_reported_before_training(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="cannot write to the folder"):
        finished(made(), tmp_path / "taken")


def test_trained_model_is_refused_with_the_way_to_further_epochs(tmp_path: Path) -> None:
    model = finished(made(), tmp_path)
    with pytest.raises(UsageError, match="create the model anew and ask for all epochs at once"):
        finished(model, tmp_path)


@pytest.mark.parametrize("first", [1, 2, 4])
@pytest.mark.parametrize("cut", [False, True], ids=["finished", "interrupted"])
def test_more_epochs_continue_with_the_bits_of_a_longer_training(
    tmp_path: Path, first: int, cut: bool
) -> None:
    whole = finished(made(), epochs=5)
    if cut:
        interrupted(made(), first * BATCHES - 2, ResumeFolder(tmp_path, seconds=0), epochs=first)
    else:
        finished(made(), tmp_path, epochs=first)
    assert bits_of(finished(made(), tmp_path, epochs=5)) == bits_of(whole)


def test_fewer_epochs_than_are_done_are_refused(tmp_path: Path) -> None:
    finished(made(), tmp_path, epochs=3)
    with pytest.raises(UsageError, match=r"in its epoch 3: .*epochs must be at least 3, got 2"):
        finished(made(), tmp_path, epochs=2)
    assert len(finished(made(), tmp_path, epochs=3).history) == 3
