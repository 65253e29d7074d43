"""TensorBoard: log numbers as events that TensorBoard shows."""

import os
from typing import Any

from lamella.core.disk import as_path, expect_writable, plain
from lamella.core.errors import MissingExtraError
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback


class TensorBoard(Callback):
    """Log all numbers of each epoch for TensorBoard, by tensorboardX (extra ``tensorboard``).

    Show them by ``tensorboard --logdir FOLDER``. If a training is resumed, its numbers replace
    those of the same epochs.

    Parameters
    ----------
    folder : path
        Created if necessary; one for each training.

    Raises
    ------
    MissingExtraError
        If tensorboardX is not installed.
    """

    changes_training = False
    _writer: Any = None

    def __init__(self, folder: Any) -> None:
        self.folder = as_path(folder, "folder")
        try:
            import tensorboardX  # noqa: F401
        except ImportError:
            raise MissingExtraError("tensorboardX", "tensorboard", "lm.TensorBoard") from None

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        expect_writable(self.folder)

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        if self._writer is None:
            from tensorboardX import SummaryWriter

            # Two files of one second would have the same name, and the second replace the first.
            suffix = f".{epoch + 1:06}.{os.urandom(4).hex()}"
            self._writer = SummaryWriter(
                str(self.folder), purge_step=epoch + 1, filename_suffix=suffix
            )
        for name, value in logs.items():
            if name != "epoch" and isinstance(plain(value), int | float):
                self._writer.add_scalar(name, plain(value), epoch + 1)
        self._writer.flush()

    def on_fit_end(self, model: Trainable) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
