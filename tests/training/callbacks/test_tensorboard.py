"""TensorBoard events hold the numbers of the history."""

import sys
from pathlib import Path

import pytest

import lamella as lm
from lamella.core.errors import MissingExtraError, UsageError
from tests.data import clouds
from tests.networks import small_classifier


def scalars(file: Path) -> list[tuple[int, str, float]]:
    """Return step, name and number of each entry of a file."""
    from tensorboardX.proto.event_pb2 import Event

    found, content, start = [], file.read_bytes(), 0
    while start < len(content):  # length, checksum, event, checksum
        length = int.from_bytes(content[start : start + 8], "little")
        event = Event.FromString(content[start + 12 : start + 12 + length])
        found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
        start += 16 + length
    return found


def test_fits_within_a_second_keep_all_epochs(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX writes the events")
    model, callback = small_classifier(), lm.TensorBoard(tmp_path)
    for _ in range(3):
        model.fit(*clouds(), epochs=1, verbose=False, check=False, callbacks=[callback])
    files = sorted(tmp_path.iterdir())  # in the order in which TensorBoard reads them
    assert [step for file in files for step, tag, _ in scalars(file) if tag == "loss"] == [1, 2, 3]


def test_events_are_those_of_the_history(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX writes the events")
    x, y = clouds()
    callbacks = [lm.TensorBoard(tmp_path / "events")]
    history = small_classifier().fit(
        x, y, epochs=3, validation_split=0.2, verbose=False, check=False, callbacks=callbacks
    )
    found: dict[str, list[float]] = {}
    (file,) = (tmp_path / "events").iterdir()
    for step, name, number in scalars(file):
        found.setdefault(name, []).append(number)
        assert step == len(found[name])
    assert found.keys() == history.rows[0].keys() - {"epoch"}
    for name in ("loss", "val_loss", "learning_rate"):
        assert found[name] == pytest.approx(history[name], rel=1e-6)


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX writes the events")
    (tmp_path / "file").touch()
    model, (x, y) = small_classifier(), clouds()
    with pytest.raises(UsageError, match="cannot write to the folder"):
        model.fit(x, y, verbose=False, callbacks=[lm.TensorBoard(tmp_path / "file" / "events")])
    assert model.epochs_done == 0


def test_a_missing_tensorboardx_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lamella\[tensorboard\]'"):
        lm.TensorBoard("events")
