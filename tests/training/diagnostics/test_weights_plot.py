"""Pictures of weights: an image for each unit of the first layer, else a matrix."""

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import ArgumentError, UsageError


def test_each_unit_is_an_image_where_inputs_are() -> None:
    model = lm.SoftmaxClassifier(classes=3, seed=0, backend="numpy").build((4, 6))
    weights = model.state_dict()["1.Dense.W"]
    drawn = [axes.get_images()[0] for axes in model.plot_weights().axes]
    assert len(drawn) == 3
    for unit, image in enumerate(drawn):
        np.testing.assert_array_equal(image.get_array(), weights[:, unit].reshape(4, 6))
        assert image.get_clim() == pytest.approx((-abs(weights).max(), abs(weights).max()))


@pytest.mark.parametrize(("features", "is_image"), [((25,), True), ((9,), False), ((26,), False)])
def test_square_rows_of_features_are_images(features: tuple[int, ...], is_image: bool) -> None:
    model = lm.MLP([12], seed=0, backend="numpy").build(features)
    axes = [axes for axes in model.plot_weights(count=11).axes if axes.get_images()]
    assert len(axes) == (11 if is_image else 1)


def test_a_deeper_layer_is_a_matrix_of_units_and_inputs() -> None:
    model = lm.MLP([16], classes=3, seed=0, backend="numpy").build((25,))
    (axes,) = model.plot_weights(3, theme="dark").axes
    np.testing.assert_array_equal(
        axes.get_images()[0].get_array(), model.state_dict()["3.Dense.W"].T
    )


def test_wrong_layers_are_refused() -> None:
    model = lm.MLP([16], classes=3, seed=0, backend="numpy")
    with pytest.raises(UsageError, match="not built yet"):
        model.plot_weights()
    model.build((25,))
    with pytest.raises(ArgumentError, match=r"one of 1, 3; got 2"):
        model.plot_weights(2)
    bare = lm.Sequential([lm.ReLU()]).build((3,))
    with pytest.raises(ArgumentError, match="no layer has a matrix"):
        bare.plot_weights()
