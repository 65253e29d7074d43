"""Studio: the model and the drawings that the pages of one server share."""

import base64
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from lamella.cli.draw.fine_tuning import fine_tuned, scores
from lamella.cli.draw.own_digits import PARTS, OwnDigits
from lamella.cli.draw.page import network_script
from lamella.core.disk import expect_writable
from lamella.core.errors import ArgumentError, UsageError
from lamella.datasets import mnist
from lamella.layers import Dense
from lamella.models.sequential import Sequential

MODEL = "model.safetensors"


class Studio:
    """Answers to the requests of all pages, as tables that JSON can represent.

    ``folder`` is created when something is kept. ``version`` counts the fine-tunings: a page that
    has another one loads ``script``, the network in JavaScript, again.
    """

    def __init__(self, model: Sequential, folder: Path) -> None:
        self.model, self.folder, self.own = model, folder, OwnDigits(folder)
        self.script, self.version = network_script(model), 0
        self.drawings, self.training = threading.Lock(), threading.Lock()
        self.posts = {"/keep": self.keep, "/remove": self.remove, "/tune": self.tune}

    def state(self) -> dict[str, Any]:
        """Return the facts that each page shows."""
        widths = [layer.units for layer in self.model.layers if isinstance(layer, Dense)]
        return {
            "version": self.version,
            "model": f"{type(self.model).__name__} {'-'.join(map(str, (784, *widths)))}",
            "folder": str(self.folder),
            **{part: self.own.count(part) for part in PARTS},
        }

    def keep(self, request: dict[str, Any]) -> dict[str, Any]:
        """Keep ``pixels`` as ``label``."""
        image = _image(request)
        with self.drawings:
            part = self.own.keep(image, request.get("label"))
            return {**self.state(), "part": part}

    def remove(self, request: dict[str, Any]) -> dict[str, Any]:
        """Remove ``pixels`` from the drawings."""
        image = _image(request)
        with self.drawings:
            self.own.remove(image)
            return self.state()

    def tune(self, request: dict[str, Any]) -> dict[str, Any]:
        """Fine-tune the model on the own digits, save it, and return the scores."""
        if not self.training.acquire(blocking=False):
            raise UsageError("another page is fine-tuning the network: try again after it")
        try:
            began = time.perf_counter()
            with self.drawings:
                own, held_out = self.own.samples("train"), self.own.samples("test")
            if own is None:
                raise UsageError("there is no drawing to train on yet: keep one first")
            expect_writable(self.folder)
            train, test = mnist()
            tuned = fine_tuned(self.model, own, train)
            script = network_script(tuned)  # raises if the training diverged
            sets = {"own, trained on": own, "own, for testing": held_out, "MNIST’s test set": test}
            rows = scores(self.model, tuned, sets)
            tuned.save(self.folder / MODEL)
            self.model, self.script, self.version = tuned, script, self.version + 1
            return {**self.state(), "scores": rows, "seconds": time.perf_counter() - began}
        finally:
            self.training.release()


def _image(request: dict[str, Any]) -> np.ndarray:
    """Return the image of ``pixels``, base64 of 784 bytes."""
    try:
        pixels = base64.b64decode(request.get("pixels", ""), validate=True)
    except (TypeError, ValueError):
        pixels = b""
    if len(pixels) != 28 * 28 or not any(pixels):
        raise ArgumentError("pixels must be 784 bytes in base64, not all 0")
    return np.frombuffer(pixels, np.uint8).reshape(28, 28)
