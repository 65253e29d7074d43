"""A sheet of paper on a dark table: the picture is cut to the sheet."""

import numpy as np

from lamella.datasets.handwriting.light import narrowed
from lamella.datasets.handwriting.pictures import reduced, resized
from lamella.datasets.handwriting.strokes import otsu

SAMPLE = 128  # pixels of a side of the picture in which the sheet is searched
BORDER = 0.9  # of the picture's border must be table
TABLE = 0.6  # most light of the table, as a fraction of the sheet's
BRIGHT = 0.8  # least bright fraction of a sheet; light strokes leave more of their outline dark
STRAIGHT = 0.7  # least fraction of its box that a sheet fills; light strokes fill less
SQUARE = 1 / 3  # of the picture's longer side: a sheet contains it, a light stroke does not
EDGE = 5  # pixels of the sample around the sheet that count as table


def cut_to_sheet(grey: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the part of a picture (H, W) with the sheet, and its top and left pixel.

    The rest of the table gets the light of the sheet. A picture without a table is returned as
    it is.
    """
    sample = reduced(grey, SAMPLE)
    is_bright = sample > 256 * otsu(sample / 256)
    outline = _filled(is_bright)
    border = np.concatenate([outline[0], outline[-1], outline[:, 0], outline[:, -1]])
    width = max(round(SQUARE * max(sample.shape)), EDGE)
    if (
        border.mean() > 1 - BORDER
        or not narrowed(outline.astype(np.float32), width).any()
        or is_bright[outline].mean() < BRIGHT
        or outline.sum() < STRAIGHT * np.prod([np.ptp(place) + 1 for place in outline.nonzero()])
        or sample[~outline].mean() > TABLE * (light := float(np.median(sample[outline])))
    ):
        return grey, (0, 0)
    inside = resized(narrowed(outline.astype(np.float32), EDGE), *grey.shape) > 0.5
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    here = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.where(inside[here], grey[here], np.float32(light)), (int(rows[0]), int(columns[0]))


def _filled(mask: np.ndarray) -> np.ndarray:
    """Return the pixels with one of the mask to the left, right, above and below, or in it."""
    found = np.ones_like(mask)
    for turned, out in ((mask, found), (mask[::-1, ::-1], found[::-1, ::-1])):
        for axis in (0, 1):
            out &= np.logical_or.accumulate(turned, axis=axis)
    return found
