"""Record of a run: options that contradict it and damaged records are refused."""

from pathlib import Path

import pytest

from tests.cli.conftest import Call

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "option", ["--lr=0.1", "--epochs=9", "--out=elsewhere", "--batch-norm", "--overwrite"]
)
def test_resume_takes_no_options_that_decide_numbers(
    call: Call, tmp_path: Path, option: str
) -> None:
    done = call("train", "--resume", tmp_path, option)
    assert done.status == 2
    assert f"omit {option.partition('=')[0]}" in done.err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "cannot read the record"),
        ("[]", "is not the record of a run"),
        ('{"configuration": {"colour": 1}}', "does not know: colour"),
        ('{"configuration": {"epochs": "many"}}', "epochs must be a whole number"),
    ],
)
def test_a_damaged_record_is_refused(call: Call, tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "begun.json").write_text(text)
    done = call("train", "--resume", tmp_path)
    assert done.status == 2
    assert complaint in done.err
