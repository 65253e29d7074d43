"""Photographs of handwritten digits, made from MNIST with seeded disturbances."""

import io
import math
from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image

KINDS = {
    "pencil": "grey and grainy strokes of less contrast",
    "fine pen": "strokes of half the width",
    "paper": "grey or yellowish paper with grain",
    "shadow": "light that falls off to a half, and the edge of a shadow",
    "squares": "squared paper, slightly turned",
    "ruled": "ruled paper with a margin",
    "colour": "coloured ink on coloured paper",
    "blur": "out of focus, up to 3% of the digit's height",
    "rotation": "turned by up to 12 degrees",
    "jpeg": "JPEG of quality 15 to 50",
    "noise": "the grain of a camera in poor light",
    "chalk": "light strokes on a dark board",
}
PENS = ((25, 30, 45), (20, 40, 130), (10, 10, 10))
COLOURS = ((170, 20, 30), (20, 110, 50), (20, 60, 190), (110, 40, 130), (120, 70, 20))
TINTS = ((250, 240, 190), (235, 245, 235), (225, 235, 250), (250, 228, 225))
LINES = ((120, 160, 210), (150, 150, 150), (190, 140, 140), (130, 180, 150))
Rng = np.random.Generator
BICUBIC = Image.Resampling.BICUBIC


def photograph(digit: np.ndarray, rng: Rng, kinds: Collection[str] = ()) -> bytes:
    """Return a picture of one digit of MNIST (28, 28), as the bytes of a PNG or JPEG file.

    ``kinds`` are its disturbances, of `KINDS`; without any it is dark ink on white paper.
    """
    height, width = (int(side) for side in rng.integers(280, 600, 2))
    size = int(rng.uniform(0.4, 0.8) * min(height, width))
    drawn = strokes(digit, size, rng, kinds)
    ink = np.zeros((height, width))
    y, x = (
        int(rng.uniform(0.08, 0.92) * (a - b)) for a, b in zip(ink.shape, drawn.shape, strict=True)
    )
    ink[y : y + drawn.shape[0], x : x + drawn.shape[1]] = drawn
    return develop(ink, size, rng, kinds)


def page(
    digits: Sequence[np.ndarray], rng: Rng, kinds: Collection[str] = (), columns: int = 5
) -> bytes:
    """Return a picture of a page with several digits, written in lines of ``columns``."""
    size = int(rng.integers(70, 110))
    step, margin = int(1.5 * size), int(1.8 * size)
    lines = math.ceil(len(digits) / columns)
    ink = np.zeros((int(1.7 * size) * lines + 2 * margin, step * columns + 2 * margin))
    for i, digit in enumerate(digits):
        drawn = strokes(digit, int(size * rng.uniform(0.85, 1.1)), rng, kinds)
        y = margin + int(1.7 * size) * (i // columns) + int(rng.uniform(-0.1, 0.1) * size)
        x = margin + step * (i % columns) + int(rng.uniform(-0.1, 0.1) * size)
        ink[y : y + drawn.shape[0], x : x + drawn.shape[1]] += drawn
    return develop(ink, size, rng, kinds)


def strokes(digit: np.ndarray, size: int, rng: Rng, kinds: Collection[str]) -> np.ndarray:
    """Return a digit with sharp edges, its longer side ``size`` pixels: coverage 0 to 1."""
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    crop = np.pad(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 2)
    scale = size / (max(crop.shape) - 4)
    large = Image.fromarray(crop).resize(
        (round(crop.shape[1] * scale), round(crop.shape[0] * scale)), BICUBIC
    )
    grey = np.asarray(large, float) / 255
    level = 0.5
    if "fine pen" in kinds:  # the ridges of strokes
        level = rng.uniform(0.65, 0.8)
        grey = grey / np.maximum(_spread(grey, round(scale)), 0.15)
    return np.clip((grey - level) / 0.25 + 0.5, 0, 1)


def develop(ink: np.ndarray, size: int, rng: Rng, kinds: Collection[str]) -> bytes:
    """Put ink on paper, light it, take the photograph and return the bytes of its file."""
    angle = rng.uniform(-12, 12) if "rotation" in kinds else 0.0
    shape = ink.shape
    y, x = np.mgrid[: shape[0], : shape[1]]
    if angle:
        ink = _turned(ink, angle)
    paper = np.array(TINTS[rng.integers(len(TINTS))] if "colour" in kinds else (250, 250, 248.0))
    if "paper" in kinds:
        paper = paper * rng.uniform(0.6, 0.95) * np.array([1, rng.uniform(0.93, 1), 0.9])
    page = np.ones((*shape, 3), np.float32) * paper.astype(np.float32)
    if "paper" in kinds:
        page *= (1 + 0.05 * _noise(shape, rng, 3) + 0.03 * _noise(shape, rng, 40))[..., None]
    colour = np.array(LINES[rng.integers(len(LINES))], float) / 255
    turn = math.radians(angle + rng.uniform(-2, 2))
    if "squares" in kinds or "ruled" in kinds:
        gap = rng.uniform(0.2, 0.5) * size if "squares" in kinds else rng.uniform(0.5, 1.1) * size
        wide = rng.uniform(0.012, 0.025) * size
        lines = _lines(y * math.cos(turn) - x * math.sin(turn), gap, wide, rng)
        across = x * math.cos(turn) + y * math.sin(turn)
        if "squares" in kinds:
            lines = np.maximum(lines, _lines(across, gap, wide, rng))
        page *= 1 - rng.uniform(0.5, 0.9) * lines[..., None] * (1 - colour)
        if "ruled" in kinds:
            margin = np.clip(wide / 2 + 0.5 - np.abs(across - 0.06 * shape[1]), 0, 1)
            page *= 1 - 0.7 * margin[..., None] * (1 - np.array([0.85, 0.4, 0.4]))
    pen = np.array((COLOURS if "colour" in kinds else PENS)[rng.integers(3)], float)
    if "pencil" in kinds:
        grain = np.clip(1 + 0.35 * _noise(shape, rng, max(1.5, size / 150)), 0.3, 1.2)
        ink = np.clip(ink * grain * rng.uniform(0.45, 0.75), 0, 1)
        pen = np.array([60.0, 60, 65])
    photo = page * (1 - ink[..., None] * (1 - pen / 255))
    if "chalk" in kinds:
        photo = 255 * (1 - photo / 255) * rng.uniform(0.75, 1) + rng.uniform(15, 45)
    if "shadow" in kinds:
        photo *= _light(y / shape[0], x / shape[1], rng)[..., None]
    if "blur" in kinds:
        photo = np.stack(
            [_blurred(photo[..., i], rng.uniform(0.01, 0.03) * size) for i in range(3)], axis=-1
        )
    if "noise" in kinds:
        photo = photo + rng.normal(0, rng.uniform(4, 14), photo.shape)
    image = Image.fromarray(np.clip(photo, 0, 255).round().astype(np.uint8))
    file = io.BytesIO()
    if "jpeg" in kinds:
        image.save(file, "JPEG", quality=int(rng.integers(15, 50)))
    else:
        image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _light(y: np.ndarray, x: np.ndarray, rng: Rng) -> np.ndarray:
    """Return light that falls off to one side, and a shadow with a soft straight edge."""
    angle = rng.uniform(0, 2 * math.pi)
    along = (y - 0.5) * math.sin(angle) + (x - 0.5) * math.cos(angle)
    fall = 1 - rng.uniform(0.2, 0.5) * (along - along.min()) / np.ptp(along)
    angle = rng.uniform(0, 2 * math.pi)
    edge = (y - 0.5) * math.sin(angle) + (x - 0.5) * math.cos(angle) - rng.uniform(-0.3, 0.3)
    dark = 1 / (1 + np.exp(-edge / rng.uniform(0.01, 0.06)))
    return np.asarray(fall * (1 - rng.uniform(0.15, 0.4) * dark))


def _lines(across: np.ndarray, gap: float, wide: float, rng: Rng) -> np.ndarray:
    """Return the coverage of parallel lines ``gap`` pixels apart."""
    distance = np.abs((across + rng.uniform(0, gap)) % gap - gap / 2)
    return np.clip(wide / 2 + 0.5 - distance, 0, 1)


def _turned(values: np.ndarray, angle: float) -> np.ndarray:
    picture = Image.fromarray((255 * values).astype(np.uint8)).rotate(angle, BICUBIC)
    return np.asarray(picture, float) / 255


def _noise(shape: tuple[int, ...], rng: Rng, grain: float) -> np.ndarray:
    """Return smooth noise of standard deviation 1 and grains of that many pixels."""
    coarse = rng.normal(size=[math.ceil(side / grain) + 1 for side in shape]).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize(shape[::-1], BICUBIC), float)


def _blurred(values: np.ndarray, radius: float) -> np.ndarray:
    """Return values convolved with a Gaussian of that standard deviation in pixels."""
    for axis, side in enumerate(values.shape):
        frequencies = np.fft.rfftfreq(2 * side)
        mirrored = np.concatenate([values, np.flip(values, axis)], axis)
        weight = np.exp(-2 * (math.pi * radius * frequencies) ** 2)
        spectrum = np.fft.rfft(mirrored, axis=axis) * (weight[:, None] if axis == 0 else weight)
        values = np.take(np.fft.irfft(spectrum, 2 * side, axis=axis), range(side), axis)
    return values


def _spread(values: np.ndarray, radius: int) -> np.ndarray:
    """Return the maximum in squares of 2 radius + 1 pixels."""
    for axis in (0, 1):
        padded = np.pad(values, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=axis)
        values = windows.max(axis=-1)
    return values
