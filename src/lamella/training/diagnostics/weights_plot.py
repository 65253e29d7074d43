"""Weights of a layer: an image for each unit, or one matrix."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lamella.core.errors import ArgumentError
from lamella.core.validation import one_of
from lamella.network.trainable import Trainable
from lamella.training.diagnostics.theme import get_theme, themed_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_weights(model: Trainable, layer: int | None, count: int, theme: str) -> "Figure":
    """Draw the weights of a layer; see `lamella.Sequential.plot_weights`."""
    model.built()
    matrices = {
        i: p for i, each in enumerate(model.layers) for p in each.parameters if len(p.shape) == 2
    }
    index = next(iter(matrices), -1) if layer is None else layer
    if not matrices:
        raise ArgumentError("no layer has a matrix of weights to draw")
    one_of("layer", index, matrices)
    weights = model.backend.to_host(matrices[index].value)
    limit = float(np.abs(weights).max()) or 1.0
    colors: dict[str, Any] = {"cmap": "RdBu", "vmin": -limit, "vmax": limit}
    options: dict[str, Any] = {"title": type(model).__name__, "rows": 1, "columns": 1}
    options["subtitle"] = f"{matrices[index].name}: -{limit:.2g} is red, {limit:.2g} blue"
    look, shape = get_theme(theme), _image_shape(model, index, len(weights))
    if shape is None:
        figure, ((axes,),) = themed_figure(look, 7.2, 4.2, **options)
        axes.imshow(weights.T, aspect="auto", interpolation="nearest", **colors)
        axes.set(xlabel="input", ylabel="unit")
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_locator().set_params(integer=True)
        return figure
    units = min(count, weights.shape[1])
    options["columns"], options["rows"] = min(10, units), -(-units // 10)
    figure, grid = themed_figure(look, 7.4, 0.5 + 0.86 * options["rows"], **options)
    for unit, panel in enumerate(grid.ravel()):
        panel.set_axis_off()
        if unit < units:
            panel.imshow(weights[:, unit].reshape(shape), interpolation="nearest", **colors)
            panel.set_title(f"unit {unit}", fontsize=8, color=look.text)
    return figure


def _image_shape(model: Trainable, index: int, features: int) -> tuple[int, ...] | None:
    """Return the shape of a unit's weights as an image, if the layer's inputs are one."""
    if any(layer.parameters for layer in model.layers[:index]):
        return None
    if len(model.in_shape) == 2 and math.prod(model.in_shape) == features:
        return model.in_shape
    side = math.isqrt(features)
    return (side, side) if side * side == features and side >= 4 else None
