"""Images that a model misclassifies, and grids of images with captions."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.errors import DataError
from lamella.training.diagnostics.answers import answers_of, expect_class_names
from lamella.training.diagnostics.theme import escape_math, get_theme, themed_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 6


def plot_mistakes(
    model: Any, x: Any, y: Any, count: int, names: Sequence[str] | None, theme: str
) -> "Figure":
    """Draw the images of wrong answers; see `lamella.Sequential.plot_mistakes`."""
    labels, predicted, confidence = answers_of(model, x, y)
    names, images = expect_class_names(model, names), as_images(np.asarray(x))
    wrong = np.flatnonzero(labels != predicted)
    if not len(wrong):
        raise DataError("there is nothing to draw: the model predicts every sample right")
    first = wrong[np.argsort(-confidence[wrong], kind="stable")][:count]
    captions = [
        escape_math(f"{names[labels[i]]} predicted as {names[predicted[i]]}")
        + f"\n{confidence[i]:.0%} sure"
        for i in first
    ]
    title, subtitle = type(model).__name__, f"surest of {len(wrong):,} mistakes of {len(labels):,}"
    return draw_images(images[first], captions, theme, title=title, subtitle=subtitle)


def draw_images(
    images: np.ndarray, captions: Sequence[str], theme: str, *, title: str, subtitle: str
) -> "Figure":
    """Draw images (N, H, W) or (N, H, W, 3) in rows, each below its caption."""
    look, lines = get_theme(theme), math.ceil(len(images) / COLUMNS)
    options: dict[str, Any] = {"title": title, "subtitle": subtitle, "columns": COLUMNS}
    figure, axes = themed_figure(look, 7.2, 0.6 + 1.5 * lines, rows=lines, **options)
    for panel, image, caption in zip(axes.ravel(), images, captions, strict=False):
        panel.imshow(image, cmap="gray", interpolation="nearest")
        panel.set_title(caption, fontsize=8, color=look.text)
    for panel in axes.ravel():
        panel.set_axis_off()
    return figure


def as_images(x: np.ndarray) -> np.ndarray:
    """Return samples as images (N, H, W) or (N, H, W, 3)."""
    if x.ndim == 4 and x.shape[-1] == 1:
        x = x[..., 0]
    if x.ndim == 3 or (x.ndim == 4 and x.shape[-1] == 3):
        return x
    side = math.isqrt(x.shape[-1])
    if x.ndim == 2 and side * side == x.shape[-1]:
        return x.reshape(-1, side, side)
    raise DataError(
        "mistakes are drawn as images: expected samples of shape (H, W), (H, W, 3) or (H * W,) "
        f"with H = W, got {x.shape[1:]}"
    )
