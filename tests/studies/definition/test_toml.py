"""Studies as TOML: the same names, the same study, and errors that name the file."""

from pathlib import Path

import pytest

import lamella as lm
from lamella.core.errors import FileFormatError
from lamella.studies import Study, load_study, parse_study

TEXT = """
name = "learning-rate"
title = "Learning rate"
question = "Which step size does Adam need?"
baseline = "5e-4"
seeds = 3

[base]
model = { class = "MLP", hidden = [256, 30] }
optimizer = { class = "Adam", lr = 5e-4 }
batch_size = 16
epochs = 15

[arms."5e-1"]
optimizer.lr = 5e-1

[arms."5e-4"]

[arms."decayed"]
optimizer.lr = { class = "StepDecay", lr = 5e-4, every = 5 }
"""


def test_a_file_gives_the_study_that_python_gives(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(TEXT)
    read = load_study(path)
    written = Study(
        "learning-rate",
        title="Learning rate",
        question="Which step size does Adam need?",
        baseline="5e-4",
        seeds=3,
        base={
            "model": lm.MLP([256, 30]),
            "optimizer": lm.Adam(5e-4),
            "batch_size": 16,
            "epochs": 15,
        },
        arms={
            "5e-1": {"optimizer.lr": 0.5},
            "5e-4": {},
            "decayed": {"optimizer": lm.Adam(lm.StepDecay(5e-4, every=5))},
        },
    )
    assert read.experiments == written.experiments
    for name in ("name", "title", "question", "baseline", "seeds", "varies"):
        assert getattr(read, name) == getattr(written, name)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("seeds = 3", "sedes = 3", "x.toml: the key 'sedes' is not known: did you mean 'seeds'?"),
        ("batch_size", "batch_sise", "the field 'batch_sise' is not known: did you mean 'batch_s"),
        ("[base]", "[bases]", "x.toml: the key 'bases' is not known: did you mean 'base'?"),
        ("name = ", "title2 = ", "x.toml: the key 'title2' is not known"),
        ('name = "learning-rate"\n', "", "x.toml: there is no name: a study has name, base and"),
        ("[base]", "[base", "x.toml is not valid TOML: "),
        ("seeds = 3", "seeds = 0", "x.toml: seeds must be a whole number of at least 1, got 0"),
        ("hidden = [", "hiden = [", "argument of MLP 'hiden' is not known: did you mean 'hidden'?"),
        (
            "every = 5",
            "evry = 5",
            "argument of StepDecay 'evry' is not known: did you mean 'every'",
        ),
        ('"5e-4"]', '"5e-4"]\noptimizer.lr = 0.5', "the arms '5e-1' and '5e-4' are equal"),
    ],
    ids=lambda value: value.strip().split("\n")[-1] if isinstance(value, str) else "",
)
def test_a_wrong_word_is_named_with_the_nearest_right_one(old: str, new: str, text: str) -> None:
    assert old in TEXT
    with pytest.raises(FileFormatError) as caught:
        parse_study(TEXT.replace(old, new), "x.toml")
    assert text in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match=r"study\.toml is not UTF-8 text"):
        load_study(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.toml"):
        load_study(tmp_path / "missing.toml")
