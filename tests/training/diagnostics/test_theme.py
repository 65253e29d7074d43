"""Themes: readable text, and a title that is never read as mathematics."""

import pytest

from lamella.core.errors import ArgumentError
from lamella.training.diagnostics.theme import THEMES, escape_math, get_theme, themed_figure
from tests.colors import contrast


@pytest.mark.parametrize("name", THEMES)
def test_text_is_readable_on_the_background(name: str) -> None:
    theme = get_theme(name)
    assert contrast(theme.text, theme.background) > 10
    assert contrast(theme.muted, theme.background) > 4.5


def test_unknown_theme_is_refused() -> None:
    with pytest.raises(ArgumentError, match="theme must be one of 'light', 'dark'; got 'grey'"):
        get_theme("grey")


def test_titles_are_escaped_and_in_the_colours_of_the_theme() -> None:
    figure, axes = themed_figure(get_theme("dark"), 5, 3, title="a$b$", subtitle="c$", columns=2)
    assert axes.shape == (1, 2)
    assert figure.get_suptitle() == escape_math("a$b$") == r"a\$b\$"
    assert [text.get_text() for text in figure.texts] == [r"a\$b\$", r"c\$"]
    assert figure._suptitle.get_color() == THEMES["dark"].text
