"""Pictures of digits, prepared as those of MNIST."""

import io
import os
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


@pytest.mark.parametrize("light", [200, 255])
def test_light_ink_on_transparency_is_ink(light: int, tmp_path: Path) -> None:
    ink = seven().point(lambda grey: 255 - grey)
    picture = Image.new("RGBA", ink.size, (255, 255, 255, 0))
    picture.paste((light, light, light, 255), mask=ink)
    expected = prepared(seven(), tmp_path / "a.png")
    assert difference(prepared(picture, tmp_path / "b.png"), expected) < 0.01


def test_transparent_corners_of_light_paper_are_paper(tmp_path: Path) -> None:
    picture = seven().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 30, 30))
    np.testing.assert_array_equal(
        prepared(picture, tmp_path / "a.png"), prepared(seven(), tmp_path / "b.png")
    )


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


def page(digit: np.ndarray, paper: float = 230.0, ink: float = 40.0) -> np.ndarray:
    """Return a digit of MNIST as dark ink on a light page of 200 x 240, in grey values."""
    large = Image.fromarray(digit).resize((140, 140), Image.Resampling.BICUBIC)
    strength = np.zeros((200, 240))
    strength[25:165, 60:200] = np.asarray(large, float) / 255
    return paper + (ink - paper) * strength


def as_bytes(values: np.ndarray) -> "Image.Image":
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


UP, RIGHT = np.mgrid[0:1:200j, 0:1:240j]
LIGHT = {
    "darker to one corner": 1 - 0.55 * (UP + RIGHT) / 2,
    "darker to one side": 1 - 0.7 * RIGHT,
    "darker to all corners": 1 - 1.1 * ((UP - 0.5) ** 2 + (RIGHT - 0.5) ** 2),
}


@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.parametrize(("paper", "ink"), [(230, 40), (240, 120), (30, 220), (110, 20)])
def test_uneven_light_does_not_matter(
    name: str, paper: float, ink: float, digits: Digits, tmp_path: Path
) -> None:
    for digit in digits[1].x[:10]:
        even = prepared(as_bytes(page(digit, paper, ink)), tmp_path / "even.png")
        uneven = prepared(as_bytes(page(digit, paper, ink) * LIGHT[name]), tmp_path / "uneven.png")
        # The light of dark paper is hardly seen, so ink stays weaker where it is dark.
        assert difference(uneven, even) < (0.05 if paper > ink else 0.12)
        assert difference(even, digit) < 0.05  # edges are sharpened


def test_grain_under_uneven_light_is_background(digits: Digits, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for digit in digits[1].x[:10]:
        photo = page(digit) * LIGHT["darker to one corner"] + rng.normal(0, 4, UP.shape)
        assert difference(prepared(as_bytes(photo), tmp_path / "a.png"), digit) < 0.05


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("is_light", [True, False])
def test_grey_of_more_than_8_bits_is_scaled(
    suffix: str, bits: int, is_light: bool, digits: Digits, tmp_path: Path
) -> None:
    for digit in digits[1].x[:5]:
        values = page(digit) if is_light else 255 - page(digit)
        deep = (values * ((2**bits - 1) / 255)).round().astype(np.uint16)
        expected = prepared(as_bytes(values), tmp_path / "a.png")
        assert (
            difference(prepared(Image.fromarray(deep), tmp_path / f"b.{suffix}"), expected) < 0.01
        )


@pytest.mark.parametrize(
    ("scale", "lowest"), [(1 / 255, 0), (1.0, 0), (257.0, 0), (-1 / 255, 0), (2 / 255, -1)]
)
def test_floats_are_scaled_by_their_range(
    scale: float, lowest: int, digits: Digits, tmp_path: Path
) -> None:
    for digit in digits[1].x[:5]:
        values = (page(digit) * scale + lowest).astype(np.float32)
        expected = prepared(as_bytes(page(digit)), tmp_path / "a.png")
        assert difference(prepared(Image.fromarray(values), tmp_path / "b.tif"), expected) < 0.01


def test_numbers_of_32_bits_and_of_the_other_byte_order_are_read(
    digits: Digits, tmp_path: Path
) -> None:
    values = page(digits[1].x[0]) * 257
    expected = prepared(as_bytes(values / 257), tmp_path / "a.png")
    for dtype in (np.int32, ">u2"):
        picture = Image.fromarray(values.astype(dtype))
        assert difference(prepared(picture, tmp_path / "b.tif"), expected) < 0.01


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_floats_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    values = np.ones((50, 50), np.float32)
    values[3, 4] = value
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(FileFormatError, match="pixels that are NaN or infinite"):
        read_digit(tmp_path / "a.tif")


def test_a_prepared_image_of_16_bits_is_scaled_to_bytes(digits: Digits, tmp_path: Path) -> None:
    original = digits[1].x[0]
    deep = Image.fromarray(original.astype(np.uint16) * 257)
    np.testing.assert_array_equal(prepared(deep, tmp_path / "a.png"), original)


# How a picture that is to be turned by each EXIF orientation is stored.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_pictures_are_turned_as_their_orientation_says(
    orientation: int, suffix: str, digits: Digits, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    values = page(digits[1].x[0])
    path = tmp_path / f"a.{suffix}"
    as_bytes(STORED[orientation](values)).save(path, exif=exif)
    expected = prepared(as_bytes(values), tmp_path / "b.png")
    assert difference(read_digit(path), expected) < 0.02


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("/dev/zero")
    for path in (tmp_path / "a.png", tmp_path / "b.png", tmp_path):
        with pytest.raises(FileFormatError, match=r"it is a (pipe or a device|folder)"):
            read_digit(path)


def test_a_thin_stroke_is_not_lost(tmp_path: Path) -> None:
    picture = Image.new("L", (300, 900), 255)
    ImageDraw.Draw(picture).line([(150, 20), (150, 880)], fill=0, width=3)
    digit = prepared(picture, tmp_path / "a.png")
    assert box(digit) == (20, 2)  # widened to that of a pen
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


def slant(digit: np.ndarray) -> float:
    """Return the mean shift of columns per row."""
    y, x = np.mgrid[:28, :28]
    mass = digit.astype(float) / digit.sum()
    dy, dx = y - (mass * y).sum(), x - (mass * x).sum()
    return float((mass * dy * dx).sum() / (mass * dy * dy).sum())


def test_deslant_shears_a_digit_upright(digits: Digits) -> None:
    slanted = [digit for digit in digits[1].x[:50] if abs(slant(digit)) > 0.2]
    assert len(slanted) > 5
    for digit in slanted:
        large = np.kron(255 - digit, np.ones((5, 5), np.uint8))
        assert abs(slant(read_digit(large, deslant=True))) < 0.06
        assert abs(slant(read_digit(large)) - slant(digit)) < 0.06


def test_path_bytes_array_and_image_give_the_same(tmp_path: Path) -> None:
    expected = prepared(seven(), tmp_path / "a.png")
    values = np.asarray(seven())
    sources = [(tmp_path / "a.png").read_bytes(), values, values[..., None], seven()]
    sources += [values / 255, values.astype(np.uint16) * 257, np.stack([values] * 3, axis=-1)]
    for source in sources:
        np.testing.assert_array_equal(read_digit(source), expected)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((0, 5)),
        np.zeros(5),
        np.zeros((9, 9, 2)),
        np.array([["a"]]),
        np.ones((9, 9), complex),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(values: np.ndarray) -> None:
    with pytest.raises(FileFormatError, match=r"pictures (have the shape|consist of numbers)"):
        read_digit(values)


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG"])
def test_pictures_of_several_frames_are_refused(form: str) -> None:
    memory = io.BytesIO()
    seven().save(memory, form, save_all=True, append_images=[seven().rotate(20)])
    with pytest.raises(FileFormatError, match="it has several frames"):
        read_digit(memory.getvalue())


def test_a_photo_of_cmyk_is_read(tmp_path: Path) -> None:
    expected = prepared(seven(), tmp_path / "a.png")
    assert difference(prepared(seven().convert("CMYK"), tmp_path / "b.jpg"), expected) < 0.02


def test_a_large_jpeg_is_decoded_at_a_fraction(tmp_path: Path) -> None:
    expected = prepared(seven(), tmp_path / "a.png")
    large = seven().resize((5000, 6000), Image.Resampling.BICUBIC)  # 30 million pixels
    assert difference(prepared(large, tmp_path / "b.jpg"), expected) < 0.03
    with pytest.raises(FileFormatError, match="more than 25,000,000"):
        prepared(large, tmp_path / "b.png")


@pytest.mark.parametrize("width", [3, 8])
def test_a_table_at_the_edge_is_no_ink(width: int, digits: Digits) -> None:
    photo = page(digits[1].x[0])
    photo[:, : width * 3] = 20
    assert difference(read_digit(photo), digits[1].x[0]) < 0.05


def test_a_pattern_of_many_spots_is_no_page() -> None:
    dots = (np.indices((1000, 1000)) % 15 < 7).all(axis=0)
    with pytest.raises(FileFormatError, match="are a pattern"):
        lm.datasets.read_digits(np.where(dots, 0, 255).astype(np.uint8))
