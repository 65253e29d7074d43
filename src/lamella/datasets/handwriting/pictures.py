"""Pictures as grey values: files, bytes, arrays and Pillow images."""

import io
import math
from contextlib import nullcontext
from typing import Any

import numpy as np

from lamella.core.disk import file_to_read
from lamella.core.errors import FileFormatError, MissingExtraError
from lamella.core.validation import expect_unmasked

# Pillow reads more formats; some start external programs, which an untrusted file must not.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
LARGEST = 512  # pixels of a side; a smaller picture has less grain, and its surfaces less memory
MAX_PIXELS = 25_000_000
MAX_JPEG = 80_000_000  # decoded at a fraction of its size
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")  # Pillow's modes with more than 8 bits
RANGES = (1, 255, 1023, 4095, 16383, 65535)  # of floats, and of 8 to 16 bits
CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


def read_grey(source: Any) -> np.ndarray:
    """Return a picture that `read_digit` takes as float32 (H, W), grey from 0 to 255, upright.

    Raise a FileFormatError if it is none, is animated, or is too large.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingExtraError("Pillow", "images", "reading images") from None
    try:
        if isinstance(source, np.ndarray):
            return _of_array(source)
        if isinstance(source, Image.Image):
            return _of_image(source)
        if isinstance(source, bytes | bytearray | memoryview):
            opened: Any = io.BytesIO(source)
        elif hasattr(source, "read"):
            opened = nullcontext(source)
        else:  # an open file, because Pillow 13 maps named TIFFs into memory and garbles some
            opened = file_to_read(source).open("rb")
        with opened as file, Image.open(file, formats=FORMATS) as image:
            return _of_image(image)
    except UnidentifiedImageError as error:
        raise FileFormatError(
            f"{name_of(source)} cannot be read as an image: it is none of {', '.join(FORMATS)}. "
            "Save a HEIC or other picture as JPEG or PNG"
        ) from error
    except Exception as error:  # Pillow's readers raise many types
        raise FileFormatError(f"{name_of(source)} cannot be read as an image: {error}") from error


def name_of(source: Any) -> str:
    """Return a name for a picture in messages: its path, or its type."""
    if isinstance(source, np.ndarray):
        return f"the array of shape {source.shape}"
    if isinstance(source, bytes | bytearray | memoryview):
        return f"the file of {len(source):,} bytes"
    return f"{source!s:.200}"


def reduced(grey: np.ndarray, largest: int = LARGEST) -> np.ndarray:
    """Return a picture whose sides are at most ``largest`` pixels, by means of squares."""
    from PIL import Image

    factor = -(-max(grey.shape) // largest)
    return np.asarray(Image.fromarray(grey).reduce(factor), np.float32)


def resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return float values at another size: means where it is smaller, interpolated if larger."""
    from PIL import Image

    picture = Image.fromarray(np.asarray(values, np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def _of_image(image: Any) -> np.ndarray:
    from PIL import ImageOps, ImageStat

    if getattr(image, "is_animated", False) and image.format != "MPO":  # photos with a preview
        raise FileFormatError("it has several frames: save the one with the digit as an image")
    limit = MAX_JPEG if image.format in ("JPEG", "MPO") else MAX_PIXELS
    if math.prod(image.size) > limit:  # known before decoding
        raise FileFormatError(f"{image.size} pixels, more than {limit:,} in total")
    image.draft("RGB", (LARGEST, LARGEST))  # of formats other than JPEG it changes nothing
    image = ImageOps.exif_transpose(image)
    if image.mode in DEEP:
        return scaled(np.asarray(image, np.float32))
    colours = image.convert("RGBA")
    grey = _on_paper(colours, "white")
    opacity = ImageStat.Stat(colours.getchannel("A")).mean[0]
    if opacity < 255 / 2:  # ink without paper
        on_black = _on_paper(colours, "black")
        grey = on_black if ImageStat.Stat(on_black).mean[0] > opacity / 2 else grey
    return np.asarray(grey, np.float32)


def _on_paper(colours: Any, paper: str) -> Any:
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", colours.size, paper), colours).convert("L")


def _of_array(values: np.ndarray) -> np.ndarray:
    from PIL import Image

    expect_unmasked("the picture", values)
    values = values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
    if (
        values.ndim not in (2, 3)
        or values.size == 0
        or (values.ndim == 3 and values.shape[-1] not in CHANNELS)
    ):
        raise FileFormatError("pictures have the shape (H, W), (H, W, 3) or (H, W, 4)")
    if values.dtype.kind not in "buif":
        raise FileFormatError(f"pictures consist of numbers, not of {values.dtype}")
    if math.prod(values.shape[:2]) > MAX_PIXELS:
        raise FileFormatError(f"more than {MAX_PIXELS:,} pixels")
    grey = scaled(values.astype(np.float32)) if values.dtype != np.uint8 else values
    if values.ndim == 2:
        return grey.astype(np.float32)
    return _of_image(Image.fromarray(grey.round().astype(np.uint8)))


def scaled(values: np.ndarray) -> np.ndarray:
    """Scale grey values to 0..255: floats in [0, 1], 8 to 16 bits, or any range below 0."""
    if not np.isfinite(values).all():
        raise FileFormatError("it has pixels that are NaN or infinite")
    lowest = min(values.min(), 0)
    values = values - lowest
    largest = values.max()
    ranges = () if lowest else RANGES  # such as [-1, 1] is no range of bits
    scale = 255 / (next((limit for limit in ranges if largest <= limit), largest) or 1)
    return np.asarray(values * np.float32(scale))
