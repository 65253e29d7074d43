"""History: losses and scores of each epoch as plain numbers."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import DataError
from tests.data import clouds
from tests.networks import small_classifier


def test_each_epoch_is_a_row_of_plain_numbers(backend: Backend) -> None:
    history = small_classifier(backend).fit(
        *clouds(), epochs=3, batch_size=16, validation_split=0.2, verbose=False
    )
    assert len(history) == len(history.rows) == 3
    assert list(history.rows[0]) == [
        "epoch",
        "loss",
        "accuracy",
        "penalty",
        "val_loss",
        "val_accuracy",
        "learning_rate",
        "seconds",
    ]
    assert {type(value) for row in history.rows for value in row.values()} == {int, float}
    assert history["epoch"] == [1, 2, 3]
    assert history["learning_rate"] == [0.01] * 3
    assert all(seconds > 0 for seconds in history["seconds"])
    json.dumps(history.rows)


def test_every_batch_leaves_its_loss(backend: Backend) -> None:
    history = small_classifier(backend).fit(*clouds(40), epochs=2, batch_size=16, verbose=False)
    assert len(history.steps) == 6
    assert {type(loss) for loss in history.steps} == {float}
    first = (16 * history.steps[0] + 16 * history.steps[1] + 8 * history.steps[2]) / 40
    assert history["loss"][0] == pytest.approx(first, rel=1e-6)


def test_a_column_is_found_by_name_and_a_wrong_name_lists_the_right_ones() -> None:
    history = small_classifier().fit(*clouds(), epochs=2, verbose=False)
    assert history["loss"] == [row["loss"] for row in history.rows]
    with pytest.raises(KeyError, match=r"no 'val_loss'; it has epoch, loss, accuracy"):
        history["val_loss"]


def test_repr_of_an_empty_history_says_that_it_is_empty() -> None:
    assert repr(lm.History()) == "History(no epochs)"
    with pytest.raises(KeyError, match="nothing yet"):
        lm.History()["loss"]


def test_repr_shows_the_last_epoch() -> None:
    history = small_classifier().fit(*clouds(), epochs=2, verbose=False)
    text = repr(history)
    assert text.startswith("History(2 epochs; last: loss ")
    one = small_classifier().fit(*clouds(), epochs=1, verbose=0)
    assert repr(one).startswith("History(1 epoch; last: loss ")
    assert f"loss {history['loss'][-1]:.4g}" in text
    assert f"accuracy {history['accuracy'][-1]:.4g}" in text


def test_a_history_keeps_its_rows_when_a_callback_changes_its_own() -> None:
    class Vandal(lm.Callback):
        def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, object]) -> None:
            logs.clear()

    history = small_classifier().fit(*clouds(), epochs=1, callbacks=[Vandal()], verbose=False)
    assert history["epoch"] == [1]


def test_the_reason_for_an_early_end_is_kept() -> None:
    class Enough(lm.Callback):
        def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, object]) -> None:
            model.stop("enough")

    assert (
        small_classifier().fit(*clouds(), callbacks=[Enough()], verbose=False).stop_reason
        == "enough"
    )
    assert small_classifier().fit(*clouds(), epochs=1, verbose=False).stop_reason == ""


def test_epochs_before_an_interrupt_are_kept() -> None:
    class Interrupt(lm.Callback):
        def on_epoch_begin(self, model: lm.Sequential, epoch: int) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    model = small_classifier()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*clouds(), callbacks=[Interrupt()], verbose=False)
    assert model.history["epoch"] == [1, 2]
    assert model.epochs_done == 2


def cells_of(history: lm.History) -> list[list[str | None]]:
    page = ElementTree.fromstring(history._repr_html_())
    return [[cell.text for cell in row] for row in page.iter("tr")]


def test_notebooks_show_a_row_for_each_epoch_and_few_of_many() -> None:
    history = small_classifier().fit(*clouds(), epochs=21, verbose=False)
    head, *rows = cells_of(history)
    assert head == list(history.rows[0])
    assert [row[0] for row in rows] == [*map(str, range(1, 11)), "…", *map(str, range(12, 22))]
    assert rows[0][1] == f"{history['loss'][0]:.4g}"
    assert cells_of(lm.History()) == [["epoch"]]


def test_numbers_that_only_some_epochs_have_get_a_column() -> None:
    class Log(lm.Callback):
        def on_epoch_end(self, model: lm.Sequential, epoch: int, logs: dict[str, Any]) -> None:
            if epoch == 1:
                logs["<i>"] = "late"

    history = small_classifier().fit(*clouds(), epochs=2, verbose=False, callbacks=[Log()])
    head, first, second = cells_of(history)
    assert (head[-1], first[-1], second[-1]) == ("<i>", None, "late")


def test_a_history_is_a_data_frame_of_its_rows() -> None:
    pandas = pytest.importorskip("pandas")
    history = small_classifier().fit(*clouds(), epochs=3, verbose=False)
    assert pandas.DataFrame(history).to_dict("records") == history.rows == list(history)


def test_plot_draws_training_and_validation() -> None:
    history = small_classifier().fit(*clouds(), epochs=3, validation_split=0.2, verbose=False)
    loss, accuracy = history.plot(title="A title").axes
    assert [list(line.get_ydata()) for line in loss.lines] == [history["loss"], history["val_loss"]]
    assert list(accuracy.lines[1].get_ydata()) == history["val_accuracy"]
    with pytest.raises(DataError, match="train first"):
        lm.History().plot()


def test_a_history_is_no_model() -> None:
    history = small_classifier().fit(*clouds(), epochs=1, verbose=False)
    with pytest.raises(AttributeError, match=r"fit returns the history: write model.predict\("):
        _ = history.predict
