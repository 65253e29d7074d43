"""Pictures of digits, prepared as those of MNIST."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import FileFormatError, MissingExtraError
from lamella.datasets import read_digit

Image = pytest.importorskip("PIL.Image")
ImageDraw = pytest.importorskip("PIL.ImageDraw")

Digits = tuple[lm.datasets.Samples, lm.datasets.Samples]


def seven(
    size: tuple[int, int] = (200, 240),
    *,
    paper: int = 255,
    ink: int = 0,
    at: tuple[int, int] = (60, 50),
) -> "Image.Image":
    """A seven of 80 x 120 pixels, its upper left corner ``at``."""
    picture = Image.new("L", size, paper)
    x, y = at
    points = [(x, y), (x + 80, y), (x + 30, y + 120)]
    ImageDraw.Draw(picture).line(points, fill=ink, width=12, joint="curve")
    return picture


def prepared(picture: "Image.Image", path: Path) -> np.ndarray:
    picture.save(path)
    digit = read_digit(path)
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    return digit


def box(digit: np.ndarray) -> tuple[int, int]:
    """Return height and width of the drawn digit."""
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def centre(digit: np.ndarray) -> np.ndarray:
    mass = digit.astype(float)
    return (
        np.array([mass.sum(axis=1) @ np.arange(28), mass.sum(axis=0) @ np.arange(28)]) / mass.sum()
    )


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean distance of two pictures, as a fraction of full ink."""
    return float(np.abs(one.astype(float) - other).mean() / 255)


def test_ink_becomes_bright_and_paper_black(tmp_path: Path) -> None:
    digit = prepared(seven(), tmp_path / "a.png")
    assert digit[0].max() == digit[:, 0].max() == digit[:, -1].max() == 0
    assert digit.max() > 240
    assert 0.05 < (digit > 127).mean() < 0.4


def test_the_digit_fits_twenty_pixels_and_keeps_its_proportions(tmp_path: Path) -> None:
    height, width = box(prepared(seven(), tmp_path / "a.png"))
    assert height == 20
    assert width == pytest.approx(20 * 92 / 132, abs=1.5)
    wide = seven().rotate(90, expand=True)
    assert box(prepared(wide, tmp_path / "b.png"))[1] == 20


@pytest.mark.parametrize("at", [(15, 15), (60, 50), (100, 105)])
def test_the_centre_of_mass_is_where_mnist_has_it(at: tuple[int, int], tmp_path: Path) -> None:
    digit = prepared(seven(at=at), tmp_path / "a.png")
    np.testing.assert_allclose(centre(digit), 14, atol=0.51)


def test_mnist_has_the_centre_of_mass_at_pixel_14(digits: Digits) -> None:
    centres = np.array([centre(digit) for digit in digits[1].x[:1000]])
    np.testing.assert_allclose(centres.mean(axis=0), 14, atol=0.05)
    assert (np.abs(centres - 14) < 0.51).all()


def test_where_it_was_drawn_does_not_matter(tmp_path: Path) -> None:
    one = prepared(seven(at=(15, 15)), tmp_path / "a.png")
    other = prepared(seven(at=(100, 105)), tmp_path / "b.png")
    np.testing.assert_array_equal(one, other)


def test_light_on_dark_is_dark_on_light(tmp_path: Path) -> None:
    dark = prepared(seven(), tmp_path / "a.png")
    light = prepared(seven(paper=0, ink=255), tmp_path / "b.png")
    np.testing.assert_array_equal(dark, light)


def test_faint_ink_on_grey_paper_is_strengthened(tmp_path: Path) -> None:
    strong = prepared(seven(), tmp_path / "a.png")
    faint = prepared(seven(paper=200, ink=120), tmp_path / "b.png")
    assert difference(strong, faint) < 0.01


def test_a_transparent_background_is_paper(tmp_path: Path) -> None:
    ink = seven().point(lambda grey: 255 - grey)
    picture = Image.new("RGBA", ink.size, (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), mask=ink)
    expected = prepared(seven(), tmp_path / "a.png")
    np.testing.assert_array_equal(prepared(picture, tmp_path / "b.png"), expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA"])
def test_every_kind_of_picture_is_read(mode: str, tmp_path: Path) -> None:
    expected = prepared(seven(), tmp_path / "a.png")
    assert difference(prepared(seven().convert(mode), tmp_path / "b.png"), expected) < 0.02


def test_colours_become_grey(tmp_path: Path) -> None:
    picture = Image.new("RGB", (200, 240), (250, 250, 240))
    picture.paste((20, 40, 160), mask=seven().point(lambda grey: 255 - grey))
    expected = prepared(seven(), tmp_path / "a.png")
    assert difference(prepared(picture, tmp_path / "b.png"), expected) < 0.01


def test_a_large_photo_with_grain_and_uneven_light_is_cleaned(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    drawn = np.asarray(seven().resize((1600, 1920), Image.Resampling.BICUBIC), float)
    light = np.linspace(1.0, 0.92, 1600)[None, :]
    photo = (60 + drawn * 0.6) * light + rng.normal(0, 4, drawn.shape)
    picture = Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8))
    digit = prepared(picture, tmp_path / "a.jpg")
    assert difference(digit, prepared(seven(), tmp_path / "b.png")) < 0.02
    assert digit[0].max() == digit[:, 0].max() == digit[:, -1].max() == 0


def test_a_thin_stroke_is_not_lost(tmp_path: Path) -> None:
    picture = Image.new("L", (300, 900), 255)
    ImageDraw.Draw(picture).line([(150, 20), (150, 880)], fill=0, width=3)
    digit = prepared(picture, tmp_path / "a.png")
    assert box(digit) == (20, 1)
    assert digit.max() > 200


def test_an_image_of_mnist_is_returned_as_it_is(digits: Digits, tmp_path: Path) -> None:
    original = digits[1].x[0]
    picture = Image.fromarray(original)
    np.testing.assert_array_equal(prepared(picture, tmp_path / "a.png"), original)
    np.testing.assert_array_equal(prepared(picture.convert("RGB"), tmp_path / "b.png"), original)


def test_a_drawing_of_28_pixels_on_light_paper_is_prepared(tmp_path: Path) -> None:
    picture = Image.fromarray(
        255 - np.asarray(seven((200, 200), paper=0, ink=255).resize((28, 28)))
    )
    digit = prepared(picture, tmp_path / "a.png")
    assert digit[0].max() == 0
    assert box(digit)[0] == 20


def test_an_open_file_is_read_too() -> None:
    memory = io.BytesIO()
    seven().save(memory, "PNG")
    memory.seek(0)
    assert read_digit(memory).max() > 240


@pytest.mark.parametrize("grey", [0, 90, 255])
@pytest.mark.parametrize("size", [(100, 100), (28, 28)])
def test_a_blank_image_is_refused(grey: int, size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    Image.new("L", size, grey).save(path)
    with pytest.raises(FileFormatError, match=r"blank.png shows no digit"):
        read_digit(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_files_that_are_no_images_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a.png cannot be read as an image"):
        read_digit(path)


def test_a_picture_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    seven().save(path)
    content = path.read_bytes()
    for length in range(0, len(content) - 20, 97):
        path.write_bytes(content[:length])
        with pytest.raises(FileFormatError, match=r"a\.png"):
            read_digit(path)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises((FileFormatError, FileNotFoundError), match=r"nowhere\.png"):
        read_digit(tmp_path / "nowhere.png")


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seven().save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"Pillow.*pip install 'lamella\[images\]'"):
        read_digit(tmp_path / "a.png")


def test_pictures_of_real_digits_are_read_as_the_digits(digits: Digits, tmp_path: Path) -> None:
    train, test = digits
    model = lm.MLP([64], seed=0, backend="numpy", optimizer=lm.Adam(2e-3))
    model.fit(train.x[:12000], train.y[:12000], epochs=3, batch_size=64, verbose=False)
    originals = test.x[:20]
    pictures = []
    for i, digit in enumerate(originals):
        page = Image.new("L", (500, 400), 255)
        page.paste(
            Image.fromarray(255 - digit).resize((280, 280), Image.Resampling.BICUBIC), (150, 40)
        )
        pictures.append(prepared(page, tmp_path / f"{i}.png"))
    distance = difference(np.stack(pictures), originals)
    assert distance < 0.03
    same = model.predict_classes(np.stack(pictures)) == model.predict_classes(originals)
    assert same.sum() >= 19
