"""Confusion matrix: counts and drawing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.losses.metrics.classification_report import confusion_matrix
from lamella.training.diagnostics.answers import answers_of, expect_class_names
from lamella.training.diagnostics.theme import escape_math, get_theme, themed_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ERRORS = {"light": ("#ffffff", "#D55E00"), "dark": ("#1b1b1f", "#D55E00")}
"""Colours of no errors and of most errors, by theme."""
SHORT, LONG = 4, 24  # characters of a name: longer ones are turned upright, or cut


def plot_confusion(model: Any, x: Any, y: Any, names: Sequence[str] | None, theme: str) -> "Figure":
    """Draw the confusion matrix of a model; see `lamella.Sequential.plot_confusion`."""
    labels, predicted, _ = answers_of(model, x, y)
    names = expect_class_names(model, names)
    counts = confusion_matrix(labels, predicted, len(names))
    subtitle = f"percent of each class, {(labels == predicted).mean():.2%} right"
    return draw_confusion(counts, theme, names, title=type(model).__name__, subtitle=subtitle)


def draw_confusion(
    counts: np.ndarray, theme: str, names: Sequence[str] | None, *, title: str, subtitle: str
) -> "Figure":
    """Draw a matrix of counts as percent of each true class.

    Only errors are coloured, since they are much rarer than the diagonal. ``names`` are those of
    the classes, by default their numbers.
    """
    classes, look = len(counts), get_theme(theme)
    fractions = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    errors = np.where(np.eye(classes, dtype=bool), 0, fractions)
    whole = [str(name) for name in (range(classes) if names is None else names)]
    shown = [name if len(name) <= LONG else f"{name[: LONG - 1]}…" for name in whole]
    beyond = max(0, max(map(len, shown)) - SHORT)
    size = 2.0 + 0.42 * classes + 0.07 * beyond  # inches
    figure, ((axes,),) = themed_figure(look, size + 0.4, size, title=title, subtitle=subtitle)
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("errors", ERRORS[theme])
    axes.imshow(errors, cmap=colors, vmin=0, vmax=max(float(errors.max()), 1e-9))
    for i, j in np.ndindex(classes, classes):
        if counts[i, j]:
            strong = errors[i, j] > 0.6 * errors.max() and theme == "light"
            color = "#000000" if strong else look.text
            options: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8.5}
            options["weight"] = "bold" if i == j else "normal"
            axes.text(j, i, _percent(fractions[i, j]), color=color, **options)
    shown = [escape_math(name) for name in shown]
    axes.set_xticks(range(classes), shown, rotation=90 if beyond else 0)
    axes.set_yticks(range(classes), shown)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.spines["bottom"].set_visible(False)
    return figure


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}" if fraction >= 0.0005 else "·"
