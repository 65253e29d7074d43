"""Messages of the commands: one line each, on stderr."""

import warnings

import pytest

from lamella.cli.messages import counted_runs, one_line_warnings, print_error
from tests.studies.synthetic import scored


def test_error_is_one_line_without_its_line_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("cannot read\n  the file\n")
    assert capsys.readouterr() == ("", "lamella: cannot read the file\n")


def test_only_warnings_of_the_category_become_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with one_line_warnings(ResourceWarning):
        for _ in range(2):
            warnings.warn("two\nlines", ResourceWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="another"):  # the tests turn these into errors
            warnings.warn("another", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "lamella: two lines\n" * 2
    with pytest.raises(ResourceWarning):
        warnings.warn("after", ResourceWarning, stacklevel=1)


def test_runs_that_studies_share_count_once() -> None:
    results = scored({"a": [0.1, 0.2], "b": [0.1, 0.2]})
    assert counted_runs([results]) == "1 study, 4 runs, of which 2 distinct"
    one = scored({"a": [0.1], "bc": [0.1]})
    assert counted_runs([one]) == "1 study, 2 runs"
    assert counted_runs([one, one]) == "2 studies, 4 runs, of which 2 distinct"
