"""lamella report: one page, and errors in one line."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call
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
