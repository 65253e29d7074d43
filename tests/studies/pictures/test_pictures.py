"""Pictures by name, and all pictures together."""

from pathlib import Path

import numpy as np
import pytest

from lamella.core.errors import ArgumentError, DataError, UsageError
from lamella.studies.results import Results
from tests.studies.pictures.reading import texts
from tests.studies.synthetic import run, study

TEST = (np.zeros((400, 5, 5), np.uint8), np.arange(400) % 10)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("loss", "Training loss, mean over every 1/5 epoch"),
        ("accuracy", "Training accuracy after every epoch"),
        ("val_accuracy", "Validation accuracy after every epoch"),
        ("val_loss", "Validation loss after every epoch"),
        ("test_accuracy", "Test accuracy: mean over seeds"),
        ("best_val_accuracy", "Best validation accuracy: mean over seeds"),
        ("seconds", "Training time: mean over seeds"),
        ("epochs_to_0.9", "Epochs to validation accuracy 90%: mean over seeds"),
        ("differences", "Test accuracy, difference to softmax"),
        ("report_loss", "steps:"),
        ("report_scores", "epochs:"),
        ("report_test", "score:"),
    ],
)
def test_pictures_are_found_by_name(name: str, says: str, two: Results) -> None:
    assert any(text.startswith(says) for text in texts(two.plot(name)))


@pytest.mark.parametrize("name", ["confusion", "mistakes"])
def test_pictures_of_predictions_need_the_test_set(name: str, two: Results) -> None:
    assert any("MLP" in text for text in texts(two.plot(name, test=TEST, arm="MLP")))
    with pytest.raises(UsageError, match=rf"pass it, results.plot\('{name}', test=test\)"):
        two.plot(name)


def test_unknown_picture_is_refused(two: Results) -> None:
    with pytest.raises(ArgumentError, match="no picture 'losses'; choose from loss, differences"):
        two.plot("losses")


def test_title_can_be_chosen_or_left_out(two: Results) -> None:
    assert two.plot("loss").get_suptitle() == "Made up"
    assert two.plot("loss", title="Mine").get_suptitle() == "Mine"
    assert two.plot("loss", title="").get_suptitle() == ""


def test_all_pictures_are_written_with_the_reports_own_names(two: Results, tmp_path: Path) -> None:
    written = two.save_plots(tmp_path / "new", ["svg"], test=TEST)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "confusion.svg",
        "differences.svg",
        "loss.svg",
        "made-up_contrast_test_scr.svg",
        "made-up_contrast_train_loss.svg",
        "made-up_contrast_train_scr.svg",
        "mistakes.svg",
        "test_accuracy.svg",
        "val_accuracy.svg",
        "val_loss.svg",
    ]
    assert sorted(written) == sorted((tmp_path / "new").iterdir())


def test_pictures_without_numbers_are_left_out(tmp_path: Path) -> None:
    only = run("a", 0, {"test_accuracy": 0.9}, epochs=[{"epoch": 1}], step_losses=[2.0, 1.0])
    written = Results(study(["a"], 1), [only]).save_plots(tmp_path, ["png"])
    assert [path.name for path in written] == [
        "loss.png",
        "made-up_contrast_train_loss.png",
        "made-up_contrast_test_scr.png",
        "test_accuracy.png",
    ]


def test_wrong_format_or_theme_is_an_error(two: Results, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="format must be one of"):
        two.save_plots(tmp_path, ["pdf"])
    with pytest.raises(ArgumentError, match="theme must be one of"):
        two.save_plots(tmp_path, theme="grey")


def test_wrong_test_set_is_an_error(two: Results, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the test set has 3"):
        two.save_plots(tmp_path, ["svg"], test=(TEST[0][:3], TEST[1][:3]))


def test_an_unknown_option_is_refused_with_the_nearest(two: Results) -> None:
    with pytest.raises(ArgumentError, match=r"the option of the picture 'loss' 'titel' .* 'title'"):
        two.plot("loss", titel="x")
