"""ModelCheckpoint: save the last and the best model, and those of all epochs."""

from typing import Any

from lamella.core.disk import as_path, expect_writable
from lamella.core.errors import ArgumentError
from lamella.core.validation import flag, one_of
from lamella.network.model_file import OTHER_FORMATS, save
from lamella.network.trainable import Trainable
from lamella.training.callbacks.base import Callback
from lamella.training.callbacks.stopping import MODES, Best


class ModelCheckpoint(Callback):
    """Save ``last.safetensors`` after every epoch, and ``best.safetensors`` when it improves.

    Files are replaced atomically, and never by weights that are not finite.

    Parameters
    ----------
    folder : path
        Created if it does not exist.
    monitor : str
        Name of the logged value that decides which is best, such as "val_loss" or "val_accuracy".
    mode : {"auto", "min", "max"}
        As in `EarlyStopping`.
    every_epoch : bool
        Whether to keep the model of each epoch too, as ``epoch-1.safetensors`` and so on.
    """

    changes_training = False

    def __init__(
        self,
        folder: Any,
        *,
        monitor: str = "val_loss",
        mode: str = "auto",
        every_epoch: bool = False,
    ) -> None:
        self.folder = as_path(folder, "folder")
        if self.folder.suffix in (".safetensors", *OTHER_FORMATS):
            raise ArgumentError(
                f"{self.folder.name} is the name of a file, and ModelCheckpoint writes "
                f"best.safetensors and last.safetensors to a folder: write {self.folder.stem}"
            )
        self.every_epoch = flag("every_epoch", every_epoch)
        self.monitor, self.mode = monitor, one_of("mode", mode, MODES)

    def on_fit_begin(self, model: Trainable, epochs: int, batches: int) -> None:
        self._best = Best(model, self.monitor, self.mode)
        expect_writable(self.folder)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best.value}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best.value = state["best"]

    def on_epoch_end(self, model: Trainable, epoch: int, logs: dict[str, Any]) -> None:
        if not model.is_finite():
            return
        save(model, self.folder / "last.safetensors")
        if self.every_epoch:
            save(model, self.folder / f"epoch-{epoch + 1}.safetensors")
        if self._best.improves(logs):
            save(model, self.folder / "best.safetensors")
