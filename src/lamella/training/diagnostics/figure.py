"""Figure: matplotlib's, without pyplot's windows and global state, and shown by notebooks."""

import io

from lamella.core.errors import MissingExtraError

try:
    from matplotlib.figure import Figure as MatplotlibFigure
except ImportError:
    raise MissingExtraError("matplotlib", "plot", "drawing pictures") from None

PIXELS_PER_INCH = 96  # of a page


class Figure(MatplotlibFigure):
    """Figure that notebooks show as the last expression, sharp on fine displays too."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        image = io.BytesIO()
        self.savefig(image, format="png")
        width, height = (round(PIXELS_PER_INCH * size) for size in self.get_size_inches())
        return image.getvalue(), {"width": width, "height": height}
