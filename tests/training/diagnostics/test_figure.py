"""Figures show in notebooks without pyplot, also after it was imported."""

import struct

from lamella.training.diagnostics.curves import training_curves
from tests.subprocesses import missing_extra, run_python


def test_a_figure_is_shown_as_png_of_the_size_of_a_page() -> None:
    image, size = training_curves([{"epoch": 1, "loss": 0.5}])._repr_png_()
    assert image.startswith(b"\x89PNG")
    assert struct.unpack(">2I", image[16:24]) == (round(4.6 * 150), round(3.8 * 150))
    assert size == {"width": round(4.6 * 96), "height": round(3.8 * 96)}


def test_drawing_needs_no_pyplot_and_names_the_extra_of_matplotlib() -> None:
    code = "import lamella as lm; lm.SoftmaxClassifier().build((4, 4)).plot_weights()"
    run_python("-c", code + "; import sys; assert 'matplotlib.pyplot' not in sys.modules")
    assert "pip install 'lamella[plot]'" in missing_extra("matplotlib", code)
