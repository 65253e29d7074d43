"""Readers for the contents of a figure."""

from typing import Any

import numpy as np


def lines(axes: Any, color: str) -> list[Any]:
    """Return the lines of a colour in drawing order."""
    return [line for line in axes.get_lines() if line.get_color() == color]


def points(line: Any) -> list[tuple[float, float]]:
    """Return the points of a line."""
    return [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]


def bands(axes: Any) -> list[np.ndarray]:
    """Return the vertices of each filled band."""
    return [collection.get_paths()[0].vertices for collection in axes.collections]


def texts(figure: Any) -> list[str]:
    """Return every visible text of a figure."""
    import matplotlib.text

    figure.draw_without_rendering()
    found = figure.findobj(matplotlib.text.Text)
    return [text.get_text() for text in found if text.get_visible() and text.get_text().strip()]


def legend(figure: Any) -> dict[str, Any]:
    """Return the handles of all legends by name."""
    legends = [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]
    return {
        text.get_text(): handle
        for each in legends
        for text, handle in zip(each.get_texts(), each.legend_handles, strict=True)
    }


def is_inside(figure: Any) -> bool:
    """Return whether nothing exceeds the edges of the figure by more than half a pixel."""
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    slack = 0.5 / figure.dpi
    return bool(min(box.x0, box.y0, width - box.x1, height - box.y1) > -slack)
