"""Figures as files: the same bytes every time, ready for a page."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from lamella.core.errors import ArgumentError, UsageError
from lamella.studies.pictures.losses import loss_curves
from lamella.studies.pictures.points import score_points
from lamella.studies.pictures.saving import save, to_png, to_svg
from lamella.studies.results import Results

SVG = "{http://www.w3.org/2000/svg}"


def test_svg_is_the_same_every_time(two: Results) -> None:
    assert to_svg(loss_curves(two)) == to_svg(loss_curves(two))
    assert to_png(score_points(two)) == to_png(score_points(two))


def test_svg_is_a_part_of_a_page_and_a_file(two: Results) -> None:
    text = to_svg(loss_curves(two))
    assert text.startswith("<svg ")
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text == "Made up"  # type: ignore[union-attr]
    assert "metadata" not in text


def test_svg_of_a_picture_without_title_has_none(two: Results) -> None:
    assert "<title>" not in to_svg(loss_curves(two, title=""))


def test_svg_has_no_background_and_real_text(two: Results) -> None:
    root = ElementTree.fromstring(to_svg(loss_curves(two, theme="dark")))
    written = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert {"softmax", "MLP", "epoch", "Made up"} <= set(written)
    assert "#1b1b1f; " not in to_svg(loss_curves(two, theme="dark")).partition("axes_1")[0]
    assert "fill: #1b1b1f" not in to_svg(score_points(two, theme="dark")).partition("axes_1")[0]


def test_names_that_are_markup_are_harmless() -> None:
    from tests.studies.synthetic import trained

    results = trained({"<b>&": 0.9, "$x_1$ 100%": 0.95}, seeds=2, title="a < b & c")
    root = ElementTree.fromstring(to_svg(loss_curves(results)))
    written = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert {"<b>&", "$x_1$ 100%", "a < b & c"} <= set(written)


@pytest.mark.parametrize(
    ("theme", "background"), [("light", (255, 255, 255)), ("dark", (27, 27, 31))]
)
def test_png_has_the_background_of_its_theme(
    theme: str, background: tuple[int, int, int], two: Results, tmp_path: Path
) -> None:
    image = pytest.importorskip("PIL.Image")
    path = save(loss_curves(two, theme=theme), tmp_path / "loss.png")
    with image.open(path) as picture:
        assert picture.size == (1080, 660)
        assert picture.convert("RGB").getpixel((1, 1)) == background


def test_unknown_format_is_refused(two: Results, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="format must be one of 'png', 'svg'; got 'pdf'"):
        save(loss_curves(two), tmp_path / "loss.pdf")


def test_file_that_cannot_be_written_is_an_error(two: Results, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        save(loss_curves(two), tmp_path / "missing" / "loss.svg")
