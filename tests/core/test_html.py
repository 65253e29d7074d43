"""Tables for notebooks: cells in their places, all text escaped."""

from xml.etree import ElementTree

import pytest

from lamella.core.html import html_table


def test_title_head_rows_and_notes_are_escaped() -> None:
    page = ElementTree.fromstring(
        html_table("<b>&", ["a<", "b"], [["x & y", 3], ["<script>", "'"]], ["note >"])
    )
    cells = [[cell.text for cell in row] for row in page.iter("tr")]
    assert cells == [["a<", "b"], ["x & y", "3"], ["<script>", "'"]]
    assert [p.text for p in page.findall("p")][1:] == ["note >"]
    assert page.find("p/b").text == "<b>&"
    assert not list(page.iter("script"))


def test_the_first_column_and_those_named_are_left_aligned() -> None:
    page = ElementTree.fromstring(html_table("", ["a", "b", "c"], [[1, 2, 3]], left=[2]))
    sides = ["left" in cell.get("style") for cell in page.iter("td")]
    assert sides == [True, False, True]


def test_colours_are_those_of_the_page_and_dollars_are_no_mathematics() -> None:
    page = ElementTree.fromstring(html_table("$x$", ["a"], [["$y$"]]))
    assert "mathjax_ignore" in page.get("class")
    styles = [each.get("style", "") for each in page.iter()]
    assert not [style for style in styles if "#" in style or "background" in style]
    assert all("color: inherit" in cell.get("style") for cell in page.iter("td"))


def test_a_row_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        html_table("", ["a", "b"], [[1]])
