"""lamella's `fit` and `predict_classes` on arrays of the device. Never run on a GPU."""

from dataclasses import replace

from benchmarks.gpu.device import open_backend
from benchmarks.peers.contestant import Material
from benchmarks.peers.with_lamella import Lamella


class LamellaOnDevice(Lamella):
    """All images and labels are on the device before the first epoch, as with the others."""

    def __init__(self, material: Material) -> None:
        backend = open_backend(material.device)
        super().__init__(material, backend)
        self.given = replace(
            material,
            images=backend.asarray(material.images),
            labels=backend.asarray(material.labels),
            test_images=backend.asarray(material.test_images),
            test_labels=backend.asarray(material.test_labels),
        )

    @property
    def remark(self) -> str:
        return repr(self.model.backend)
