"""Tables as text."""

import re
from xml.etree import ElementTree

import pytest

from lamella.studies.analysis import text_table
from lamella.studies.analysis.text_table import TextTable


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


def test_markdown_keeps_alignment_and_escapes_bars() -> None:
    table = TextTable("T", ["arm", "loss", ""], [["a|b", "1.0", "ok"]], ["A note."], left=(2,))
    assert table.to_markdown() == (
        "**T**\n\n| arm | loss |  |\n| --- | ---: | --- |\n| a\\|b | 1.0 | ok |\n\nA note."
    )


def test_markdown_escapes_markup_and_keeps_cells_in_a_line() -> None:
    table = TextTable("T", ["arm"], [["<b>a*\nb"]])
    assert table.to_markdown().splitlines()[-1] == r"| \<b>a\* b |"


def test_titles_do_not_leave_the_comments_of_latex() -> None:
    lines = TextTable("one\n\\input{x}", ["arm"], [["a\nb"]], ["two\nthree"]).to_latex().split("\n")
    assert (lines[0], lines[-1]) == (r"% one \input{x}", "% two three")


def test_latex_escapes_what_it_would_read_as_commands() -> None:
    table = TextTable("T", ["arm", "95%"], [["a_1 & {b}", "0.5 ± 0.1"], ["x^2", "< 0.001"]], ["N."])
    assert table.to_latex().splitlines() == [
        "% T",
        r"\begin{tabular}{lr}",
        r"\hline",
        r"arm & 95\% \\",
        r"\hline",
        r"a\_1 \& \{b\} & 0.5 $\pm$ 0.1 \\",
        r"x\textasciicircum{}2 & $<$ 0.001 \\",
        r"\hline",
        r"\end{tabular}",
        "% N.",
    ]


def test_long_headings_go_over_several_lines() -> None:
    lines = str(TextTable("T", ["arm", "a heading of many words"], [["x", "1"]])).splitlines()
    assert lines[2:5] == ["     a heading of", "arm    many words", "---  ------------"]


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        str(TextTable("T", ["a", "b"], [["1"]]))


def test_notebooks_show_the_same_cells_and_notes_with_names_escaped() -> None:
    table = TextTable("T", ["arm", "loss", ""], [["<b>$a$", "1.0", "ok"]], ["A > b."], left=(2,))
    page = ElementTree.fromstring(table._repr_html_())
    assert [[cell.text or "" for cell in row] for row in page.iter("tr")] == [
        ["arm", "loss", ""],
        ["<b>$a$", "1.0", "ok"],
    ]
    assert ["left" in cell.get("style", "") for cell in page.iter("td")] == [True, False, True]
    assert [p.text for p in page.findall("p")][1:] == ["A > b."]


def test_a_terminal_without_room_shows_the_columns_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = TextTable(
        "T",
        ["arm", "loss", "verdict"],
        [["SGD", "0.125", "undecided (of 3)"]],
        ["Of two seeds."],
        (2,),
    )
    whole = str(table)
    monkeypatch.setattr(text_table, "terminal_width", lambda: 40)
    assert str(table) == whole
    monkeypatch.setattr(text_table, "terminal_width", lambda: 18)
    assert str(table).splitlines() == [
        "T",
        "",
        "arm   loss",
        "---  -----",
        "SGD  0.125",
        "",
        "arm  verdict",
        "---  -------------",
        "SGD  undecided (of",
        "     3)",
        "",
        "Of two seeds.",
    ]


def test_wide_and_combining_signs_are_aligned() -> None:
    lines = str(TextTable("T", ["arm", "n"], [["日本", "1"], ["ab", "1"], ["a\u0301b", "1"]]))
    assert lines.splitlines()[2:] == ["arm   n", "----  -", "日本  1", "ab    1", "a\u0301b    1"]


@pytest.mark.parametrize("name", ["_a_", "~~a~~", "&lt;", "$a$"])
def test_names_are_no_markup_of_markdown(name: str) -> None:
    (row,) = TextTable("T", ["arm"], [[name]]).to_markdown().splitlines()[4:]
    assert re.sub(r"\\(.)", r"\1", row) == f"| {name} |"
    assert not re.search(r"(?<!\\)[_~&$]", row)
