"""Confusion matrices of the arms, and the images misclassified most often."""

import math
import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from lamella.datasets import Samples
from lamella.losses.metrics.classification_report import confusion_matrix
from lamella.studies.analysis.best import best as best_arm
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures.mistakes import worst_mistakes
from lamella.studies.report.page import drawings
from lamella.studies.running.data import study_data
from lamella.studies.running.run import Run
from lamella.training.diagnostics.mistakes import as_images

CLASSES = 10
IMAGES = 12
DARKEST = 0.55
MIN_SHOWN = 0.0005
"""Smaller fractions of a class would be shown as 0.0%."""


def errors(results: Runs) -> dict[str, Any]:
    """Return confusion matrices of the arms, and the images that the best arm misclassifies.

    Validation chooses the arm; without validation scores it is the baseline. Empty if the test set
    of the runs is not that of MNIST.
    """
    done = [run for run in results.runs if run.done]
    known = study_data(None, None)
    if not done or any(run.config.get("data") != known.checksums for run in done):
        return {}
    validated = any("val_accuracy" in run.scores for run in done)
    best = best_arm(results).arm if validated else results.study.baseline
    return {
        "matrices": _matrices(results, known.test.y),
        "arm": best,
        "seeds": len(results.of(best)),
        "images": _images(results.of(best), known.test),
    }


def _matrices(results: Runs, labels: np.ndarray) -> list[dict[str, Any]]:
    """Return one matrix for each arm, summed over its seeds, all with the same shading."""
    fractions = {}
    for index, arm in enumerate(results.arms):
        counts = [confusion_matrix(labels, r.predictions, CLASSES) for r in results.of(arm)]
        if counts:
            total = np.sum(counts, axis=0)
            fractions[index] = total / total.sum(axis=1, keepdims=True)
    wrong = [matrix * (1 - np.eye(CLASSES)) for matrix in fractions.values()]
    most = max(float(matrix.max()) for matrix in wrong) or 1.0
    return [
        {
            "arm": results.arms[index],
            "key": drawings.key(index),
            "drawn": _draw(matrix, most, f"{results.arms[index]}: confusion matrix"),
        }
        for index, matrix in fractions.items()
    ]


def _draw(fractions: np.ndarray, most: float, label: str) -> str:
    """Draw a confusion matrix with shaded errors; ``most`` is the darkest."""
    side, start = 24, 18
    drawn = []
    for i in range(CLASSES):
        at = start + side * (i + 0.5)
        drawn.append(f'<text class="axis" x="{at}" y="12">{i}</text>')
        drawn.append(f'<text class="axis" x="7" y="{at + 3.5}">{i}</text>')
    for i, j in np.ndindex(CLASSES, CLASSES):
        x, y, part = start + side * j, start + side * i, float(fractions[i, j])
        if i != j:
            shade = DARKEST * math.sqrt(part / most)
            box = f'x="{x}" y="{y}" width="{side - 1}" height="{side - 1}"'
            drawn.append(f'<rect {box} fill-opacity="{shade:.2f}"/>')
        if part >= MIN_SHOWN:
            kind = ' class="right"' if i == j else ""
            text = f"{100 * part:.1f}"
            drawn.append(f'<text{kind} x="{x + side / 2 - 0.5}" y="{y + 15}">{text}</text>')
    size = start + side * CLASSES
    return (
        f'<svg class="drawing matrix" viewBox="0 0 {size} {size}" role="img" '
        f'aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )


def _images(runs: Sequence[Run], test: Samples) -> list[dict[str, Any]]:
    images = as_images(np.asarray(test.x))
    return [
        {
            "source": _png(images[mistake.index]),
            "label": mistake.label,
            "predicted": mistake.predicted,
            "wrong": mistake.wrong,
            "index": mistake.index,
        }
        for mistake in worst_mistakes(runs, test.y, IMAGES)
    ]


def _png(image: np.ndarray) -> str:
    """Return a greyscale image as the data URL of a PNG, dark on white."""
    grey = np.asarray(image, np.float64)
    grey = (255 - np.round(grey * (255 / max(float(grey.max()), 1e-9)))).astype(np.uint8)
    height, width = grey.shape
    rows = np.pad(grey, ((0, 0), (1, 0))).tobytes()  # filter byte 0 in front of each row
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()
