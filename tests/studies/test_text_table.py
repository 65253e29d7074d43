"""Tables as text and CSV."""

import csv
import io

import pytest

from lamella.studies.text_table import TextTable, to_csv


def test_columns_are_aligned() -> None:
    table = TextTable(
        "A title",
        ["arm", "accuracy", "note"],
        [["SGD", "9.1", "ok"], ["Momentum", "97.25", "long"]],
        ["A note."],
        left=(2,),
    )
    assert str(table) == (
        "A title\n"
        "\n"
        "arm       accuracy  note\n"
        "--------  --------  ----\n"
        "SGD            9.1  ok\n"
        "Momentum     97.25  long\n"
        "\n"
        "A note."
    )
    assert repr(table) == str(table)


def test_long_headings_go_over_several_lines() -> None:
    lines = str(TextTable("T", ["arm", "a heading of many words"], [["x", "1"]])).splitlines()
    assert lines[2:5] == ["     a heading of", "arm    many words", "---  ------------"]


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        str(TextTable("T", ["a", "b"], [["1"]]))


def test_csv_has_every_column_and_leaves_gaps() -> None:
    text = to_csv([{"arm": 'a, "b"', "loss": 0.1}, {"arm": "c", "penalty": 2.5}])
    assert text.splitlines()[0] == "arm,loss,penalty"
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"arm": 'a, "b"', "loss": "0.1", "penalty": ""},
        {"arm": "c", "loss": "", "penalty": "2.5"},
    ]


def test_csv_keeps_every_bit_of_a_number() -> None:
    number = 0.1 + 0.2
    assert float(to_csv([{"x": number}]).splitlines()[1]) == number
