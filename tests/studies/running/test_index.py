"""study.json: an index that is damaged or foreign is refused."""

from pathlib import Path

import pytest

from lamella.core.errors import FileFormatError
from lamella.studies import read_study_folder
from lamella.studies.running.index import expect_index
from tests.studies.small import small_study


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "holds no study: there is no study.json"),
        ("{", "study.json is damaged"),
        ("[]", "study.json is damaged: it holds no JSON object"),
        ("{" + " " * 2**25, "study.json is damaged: it has more than"),
        ('{"format": "lamella-study-9"}', "of format 'lamella-study-9', this version of lamella"),
        ('{"format": "lamella-study-1"}', "study.json lacks arms, base, baseline"),
    ],
    ids=["none", "cut", "list", "large", "format", "fields"],
)
def test_a_folder_without_a_valid_index_is_refused(
    tmp_path: Path, content: str | None, text: str
) -> None:
    if content is not None:
        (tmp_path / "study.json").write_text(content)
    with pytest.raises(FileFormatError, match=text):
        read_study_folder(tmp_path)


@pytest.mark.parametrize("vary", [3, "init", [["init"]], {"init": 1}])
def test_sources_that_are_no_names_are_refused(vary: object) -> None:
    table = {**small_study().description(), "lamella": "0.1.0", "data": {}, "runs": []}
    expect_index(table, Path("study.json"))
    table["base"] = {**table["base"], "vary": vary}
    with pytest.raises(FileFormatError, match="vary is not a list of names"):
        expect_index(table, Path("study.json"))


@pytest.mark.parametrize("directions", [[], {"a": 1}, {"a": "up"}])
def test_directions_of_metrics_that_are_none_are_refused(directions: object) -> None:
    table = {**small_study().description(), "lamella": "0.1.0", "data": {}, "runs": []}
    expect_index({**table, "directions": {"a": True, "b": None}}, Path("study.json"))
    with pytest.raises(FileFormatError, match="the directions of metrics are not true, false or"):
        expect_index({**table, "directions": directions}, Path("study.json"))
