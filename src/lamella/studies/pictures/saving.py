"""Deterministic encoding of figures: the same figure gives the same bytes."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lamella.core.disk import write_atomically
from lamella.core.validation import one_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def to_svg(figure: "Figure") -> str:
    """Return a figure as SVG markup that starts with ``<svg``, for a file or an HTML page.

    The background is transparent, text stays text, and the markup contains no date.
    """
    import matplotlib

    markup = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    if title := figure.get_suptitle():
        metadata["Title"] = title.replace(r"\$", "$")
    with matplotlib.rc_context({"svg.hashsalt": "lamella", "svg.fonttype": "none"}):
        figure.savefig(markup, format="svg", facecolor="none", metadata=metadata)
    text = markup.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)


def to_png(figure: "Figure") -> bytes:
    """Return a figure as PNG, with the background of its theme."""
    image = io.BytesIO()
    figure.savefig(image, format="png", metadata={"Software": None})
    return image.getvalue()


def save(figure: "Figure", path: Path) -> Path:
    """Write a figure atomically, in the format of the suffix ".png" or ".svg"."""
    kind = one_of("format", path.suffix.lstrip("."), ("png", "svg"))
    write_atomically(path, to_svg(figure).encode() if kind == "svg" else to_png(figure))
    return path
