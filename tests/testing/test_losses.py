"""check_loss passes correct losses and names each defect of broken ones."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.core.errors import CheckError
from lamella.testing import check_loss

LOSSES = [name for name in lm.losses.__all__ if name != "Loss"]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("outputs", [2, 5])
def test_every_loss_of_lamella_passes(name: str, outputs: int) -> None:
    check_loss(getattr(lm, name)(), (outputs,))


class Huber(lm.Loss):
    """Squared where it is near, absolute where it is far."""

    def forward(self, pred: Any, target: Any) -> Any:
        self.d = pred - target
        near = abs(self.d) < 0.25
        return self.mean(near * 2 * self.d**2 + (1 - near) * (abs(self.d) - 0.125))

    def backward(self) -> Any:
        slope = self.xp.maximum(self.xp.minimum(4 * self.d, 1), -1)
        return self.scale_by_batch(slope / slope.shape[-1])


def test_naive_custom_loss_passes() -> None:
    check_loss(Huber(), (3,))


class WrongGradient(Huber):
    def backward(self) -> Any:
        return 2 * super().backward()


class Sums(Huber):
    def forward(self, pred: Any, target: Any) -> Any:
        return super().forward(pred, target) * len(pred)

    def backward(self) -> Any:
        return super().backward() * len(self.d)


class IgnoresWeights(Huber):
    def backward(self) -> Any:
        slope = self.xp.maximum(self.xp.minimum(4 * self.d, 1), -1)
        return slope / slope.size


class ChangesPred(Huber):
    def forward(self, pred: Any, target: Any) -> Any:
        pred -= target
        self.d = pred
        return self.mean(self.d * self.d)


class NumpyOnDevice(Huber):
    def forward(self, pred: Any, target: Any) -> Any:
        self.d = np.subtract(pred, target)
        return super().forward(pred, target)


class Waits(Huber):
    def forward(self, pred: Any, target: Any) -> Any:
        loss = super().forward(pred, target)
        return loss * 1 if float(loss) > 1e9 else loss


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (WrongGradient(), r"gradient of WrongGradient\(\) is wrong at \[\d, \d\]: expected"),
        (Sums(), "not the mean over the batch"),
        (IgnoresWeights(), "weight of 2 does not count twice"),
        (ChangesPred(), "changed it in place"),
        (NumpyOnDevice(), "would fail on a GPU"),
        (Waits(), "waits for the device"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, lm.Loss) else "",
)
def test_broken_loss_is_found_and_named(loss: lm.Loss, words: str) -> None:
    with pytest.raises(CheckError, match=words):
        check_loss(loss, (3,))
