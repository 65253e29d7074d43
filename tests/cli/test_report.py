"""lamella report: one page, and errors in one line."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.runs import record_of
from tests.studies.small import TEST, TRAIN, small_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was run; only to be read."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    small_study().run(TRAIN, TEST, out=folder, verbose=False)
    return folder


@pytest.mark.parametrize("above", [False, True])
def test_report_writes_one_page_and_says_where(
    call: Call, folder: Path, tmp_path: Path, above: bool
) -> None:
    page = tmp_path / "page.html"
    done = call("report", folder.parent if above else folder, "--out", page)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{page}: 1 study, 6 runs, 0.0 MB\n"
    assert page.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_report_of_a_training_shows_scores_curves_and_options(
    call: Call, softmax_run: Path, tmp_path: Path
) -> None:
    done = call("report", softmax_run, "--out", tmp_path / "page.html")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{tmp_path / 'page.html'}: the training in {softmax_run}\n"
    page = (tmp_path / "page.html").read_text()
    assert f"Test accuracy {record_of(softmax_run)['test_accuracy']:.2%}" in " ".join(page.split())
    assert page.count("<tr><td>") == 2
    assert "data:image/svg+xml;base64," in page
    assert "<dt>batch size</dt><dd>250</dd>" in page


def test_report_of_an_unfinished_training_says_how_to_go_on(call: Call, tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text('{"epoch": 1, "loss": 2.0}\n')
    done = call("report", tmp_path, "--out", tmp_path / "page.html")
    assert done.status == 2
    assert f"lamella train --resume {tmp_path}" in done.err


def test_report_of_a_damaged_record_is_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text('{"epoch": 1, "loss": 2.0}\n')
    (tmp_path / "run.json").write_text('{"configuration": {}}')
    done = call("report", tmp_path, "--out", tmp_path / "page.html")
    assert (done.status, done.err) == (2, f"lamella: {tmp_path} holds a damaged record: 'model'\n")


def test_claims_are_judged_if_asked(call: Call, folder: Path, tmp_path: Path) -> None:
    done = call("report", folder, "--out", tmp_path / "page.html", "--claims")
    assert (done.status, done.err) == (0, "")
    assert "Overview of verdicts" not in (tmp_path / "page.html").read_text()  # no bundled study


def test_folder_without_studies_is_reported_in_one_line(call: Call, tmp_path: Path) -> None:
    done = call("report", tmp_path)
    assert done.status == 2
    assert f"{tmp_path} holds no study" in done.err
    assert "lamella study run learning-rate --quick" in done.err


def test_page_that_cannot_be_written_is_reported(call: Call, folder: Path, tmp_path: Path) -> None:
    done = call("report", folder, "--out", tmp_path / "missing" / "page.html")
    assert done.status == 2
    assert "cannot write" in done.err


def test_missing_jinja_names_the_extra(without: Call, folder: Path) -> None:
    done = without("jinja2", "report", folder)
    assert done.status == 2
    assert "pip install 'lamella[studies]'" in done.err


def test_an_archive_makes_the_page_of_its_folder(call: Call, folder: Path, tmp_path: Path) -> None:
    archive, page = tmp_path / "a.tar.xz", tmp_path / "page.html"
    done = call("study", "pack", folder, "--out", archive)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{archive}: 1 study, 6 runs, 0.00 MB\n"
    done = call("report", archive, "--out", page)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{page}: 1 study, 6 runs, 0.0 MB\n"


def test_a_file_that_is_no_archive_is_reported(call: Call, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html>")
    for command in (("report",), ("study", "show"), ("study", "pack"), ("verify",)):
        done = call(*command, tmp_path / "page.html")
        assert done.status == 2
        assert "page.html is not an archive of studies, which lamella study pack writes" in done.err
