"""Checkpoint files, named by number and digest; the newest two are stored."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lamella.core.disk import (
    as_path,
    expect_writable,
    plain,
    read_file,
    remove_unfinished,
    write_atomically,
)
from lamella.core.errors import FileFormatError, UsageError, warn_user

FORMAT = "lamella-checkpoint-2"
NAME = re.compile(r"(\d{8})-([0-9a-f]{64})\.safetensors")


class CheckpointWarning(UserWarning):
    """Training resumes from an older checkpoint, or in another environment."""


class CheckpointFolder:
    """Numbered checkpoints of one training, each a safetensors file.

    The name contains the SHA-256 of the file's bytes, which reveals a damaged file.
    """

    def __init__(self, path: Any) -> None:
        self.path = as_path(path, "the folder of checkpoints")
        self._good: Path | None = None

    def files(self) -> list[Path]:
        """Return the paths of all checkpoints, newest first."""
        if not self.path.is_dir():
            return []
        found = [file for file in self.path.iterdir() if NAME.fullmatch(file.name)]
        return sorted(found, key=lambda file: file.name, reverse=True)

    def begin(self) -> None:
        """Create the folder and remove unfinished files of a killed process."""
        expect_writable(self.path)
        remove_unfinished(self.path, "*.safetensors")

    def write(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Path:
        """Write a checkpoint, and remove all others except the last valid one."""
        from safetensors.numpy import save as serialise

        there = self.files()
        number = int(there[0].name[:8]) + 1 if there else 1
        text = json.dumps({"format": FORMAT, **header}, default=_json_value)
        whole = {name: np.array(array, order="C") for name, array in arrays.items()}
        content = serialise(whole, {"lamella": text})
        new = self.path / f"{number:08d}-{hashlib.sha256(content).hexdigest()}.safetensors"
        write_atomically(new, content)
        for file in there:
            if file != self._good:
                file.unlink(missing_ok=True)
        self._good = new
        return new

    def newest(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """Return header and arrays of the newest valid checkpoint, or None.

        Issue a CheckpointWarning for each damaged one.
        """
        files = self.files()
        for file, older in zip(files, [*files, None][1:], strict=True):
            try:
                found = read(file)
            except (FileFormatError, OSError) as error:
                then = f"resuming from {older.name}" if older else "training starts from scratch"
                warn_user(f"{error}: {then}", CheckpointWarning)
            else:
                self._good = file
                return found
        return None

    def clear(self) -> None:
        """Remove all checkpoints."""
        for file in self.files():
            file.unlink(missing_ok=True)
        self._good = None


def _json_value(value: Any) -> Any:
    if plain(value) is value:
        raise UsageError(
            f"a checkpoint cannot hold a {type(value).__name__}, {value!r:.80}: let state_dict() "
            "return numbers, text, lists and dicts of them, and arrays"
        )
    return plain(value)


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return header and arrays of one checkpoint; raise a FileFormatError if it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as parse

    content = read_file(path)
    named = NAME.fullmatch(path.name)
    if named is None or hashlib.sha256(content).hexdigest() != named[2]:
        raise FileFormatError(f"checkpoint {path} is damaged: its SHA-256 differs from its name")
    try:
        arrays = parse(content)
        size = int.from_bytes(content[:8], "little")
        header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["lamella"])
        found = header["format"]
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileFormatError(f"{path} is not a lamella checkpoint: {error!r}") from error
    if found != FORMAT:
        raise FileFormatError(
            f"checkpoint {path} has format {found!r:.80}, this version reads {FORMAT!r}"
        )
    return header, arrays
